import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createManualClock, type ManualClock } from '@rabble/clock/manual'
import type { ClientFrame, ServerFrame, ServerFrames } from '@rabble/contract'
import { defaultLimits } from '@rabble/contract'
import { type TestContext, until } from '@rabble/harness'
import { WebSocket, WebSocketServer } from 'ws'
import type { Chat, ConnectOptions } from '../src/index.ts'
import { chatWith } from './build.ts'
import { type FakeStreams, serveStreams } from './fake-streams.ts'

export interface FakeConnection {
  /** Frames of the client, in order. */
  readonly frames: readonly ClientFrame[]
  send(frame: ServerFrame): void
  /** Closes the connection with this code; without one, as if the network were gone. */
  close(code?: number, reason?: string): void
  readonly open: boolean
  /** Code with which the client closed it. */
  readonly code: number | undefined
}

export interface FakeGateway {
  readonly url: string
  /** Clock of its chats, which stands still until a test moves it. */
  readonly clock: ManualClock
  /** Connects as Ada, over a WebSocket only and without pings, as far as `options` don't say otherwise. */
  connect(options?: ConnectOptions): Chat
  /** Number of WebSockets that its chats have opened, including closed ones. */
  readonly attempts: number
  /** Number of these that are closed. */
  readonly closed: number
  readonly connections: readonly FakeConnection[]
  /** Whether a proxy refuses WebSockets, or leaves them without an answer. Default: neither. */
  webSockets: 'open' | 'refused' | 'silent'
  /** The same of WebSockets at another path than `/ws`. */
  directSockets: 'open' | 'refused' | 'silent'
  /**
   * Answer to the question where to connect. `path` is that of a WebSocket here, which is another gateway's own address to its
   * chats. Undefined, the default: it doesn't know the question, as an old server.
   */
  route: { path: string } | { status: number } | undefined
  /** Queries of the questions where to connect. */
  readonly questions: readonly string[]
  /** Paths of the WebSockets that were asked for. */
  readonly paths: readonly string[]
  /** Server-Sent Events and long polling of this gateway. */
  readonly streams: FakeStreams
  /** Returns all frames of a type, over all connections. */
  frames<T extends ClientFrame['type']>(type: T): Extract<ClientFrame, { type: T }>[]
}

/** Answers a frame. `undefined`: the usual answer is sent; `null`: none. */
export type Answer = (
  frame: ClientFrame,
  connection: FakeConnection,
) => ServerFrame | readonly ServerFrame[] | null | undefined

/** Starts a gateway that does what the test says, for behaviour that no real gateway shows on request. */
export async function startFakeGateway(
  t: TestContext,
  answer: Answer = () => undefined,
): Promise<FakeGateway> {
  const server = new WebSocketServer({ noServer: true })
  const http = createServer()
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const silent: Duplex[] = []
  t.teardown(async () => {
    for (const client of server.clients) client.terminate()
    for (const socket of silent) socket.destroy()
    http.closeAllConnections()
    await new Promise((resolve) => http.close(resolve))
  })
  const clock = createManualClock()
  let attempts = 0
  let closed = 0
  class CountedWebSocket extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols)
      attempts++
      this.once('close', () => closed++)
    }
  }
  const questions: string[] = []
  const paths: string[] = []
  http.on('request', (request, response) => {
    const [path, query = ''] = (request.url ?? '').split('?')
    if (path !== '/api/route') return
    questions.push(decodeURIComponent(query))
    const { route } = gateway
    const status = route === undefined ? 404 : 'status' in route ? route.status : 200
    response.writeHead(status, { 'content-type': 'application/json' })
    const address = route !== undefined && 'path' in route && `${url.replace('http', 'ws')}${route.path}`
    response.end(JSON.stringify(address ? { url: address } : { code: 'not-found', message: 'not here' }))
  })
  const connections: (FakeConnection & { frames: ClientFrame[] })[] = []
  http.on('upgrade', (request, socket, head) => {
    paths.push(request.url ?? '')
    const isDirect = request.url !== '/ws'
    const state = isDirect ? gateway.directSockets : gateway.webSockets
    if (state === 'refused') socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    else if (state === 'silent') silent.push(socket)
    else server.handleUpgrade(request, socket, head, (accepted) => server.emit('connection', accepted))
  })
  server.on('connection', (socket: WebSocket) => {
    let code: number | undefined
    const frames: ClientFrame[] = []
    const connection = {
      frames,
      send: (frame: ServerFrame) => socket.send(JSON.stringify(frame)),
      close: (code?: number, reason?: string) =>
        code === undefined ? socket.terminate() : socket.close(code, reason),
      get open() {
        return socket.readyState === socket.OPEN
      },
      get code() {
        return code
      },
    }
    connections.push(connection)
    socket.on('close', (given) => {
      code = given
    })
    socket.on('message', (data) => {
      for (const reply of take(JSON.parse(String(data)), connection)) connection.send(reply)
    })
  })
  function take(frame: ClientFrame, connection: (typeof connections)[number]): ServerFrame[] {
    connection.frames.push(frame)
    const answered = answer(frame, connection)
    if (answered === null) return []
    return answered === undefined ? usual(frame) : [answered].flat()
  }
  const streams = serveStreams(http, { opened: (connection) => connections.push(connection), take })
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const usualOptions: ConnectOptions = { url, name: 'Ada', transports: ['websocket'], clock, heartbeat: 1e9 }
  const gateway: FakeGateway = {
    url,
    clock,
    connect: (options) => chatWith(t, { ...usualOptions, WebSocket: CountedWebSocket, ...options }),
    get attempts() {
      return attempts
    },
    get closed() {
      return closed
    },
    connections,
    webSockets: 'open',
    directSockets: 'open',
    route: undefined,
    questions,
    paths,
    streams,
    frames: (type) =>
      connections.flatMap(({ frames }) => frames).filter((frame) => frame.type === type) as never,
  }
  return gateway
}

/** Lets time pass until a chat that has lost its connection, or is about to, tries again. */
export async function nextAttempt({ clock }: FakeGateway, chat: Chat): Promise<void> {
  await until(() => chat.status === 'waiting', 30_000, 'the loss of the connection')
  if (chat.state.status === 'waiting') await clock.advance(Math.ceil(chat.state.until - clock.now()))
}

/** Cuts all connections, and lets the time pass until this chat tries again. */
export async function lose(gateway: FakeGateway, chat: Chat): Promise<void> {
  for (const connection of gateway.connections) connection.close()
  await nextAttempt(gateway, chat)
}

export function welcome(more: Partial<ServerFrames['welcome']> = {}): ServerFrames['welcome'] {
  const user = { id: 'guest-ada', name: 'Ada' }
  return { type: 'welcome', session: 's-1', user, gateway: 'fake', limits: defaultLimits, ...more }
}

export function joined(
  frame: ClientFrame,
  more: Partial<ServerFrames['joined']> = {},
): ServerFrames['joined'] {
  const { ref, room = '' } = frame as { ref?: number; room?: string }
  return {
    type: 'joined',
    ...(ref !== undefined && { ref }),
    room,
    events: [],
    complete: true,
    count: 1,
    ...more,
  }
}

export function refusal(
  { ref }: ClientFrame,
  code: ServerFrames['error']['code'],
  more: Partial<ServerFrames['error']> = {},
): ServerFrames['error'] {
  return { type: 'error', ...(ref !== undefined && { ref }), code, message: `this is ${code}`, ...more }
}

export function message(room: string, id: string, text = id): ServerFrames['message'] {
  const from = { id: 'guest-bob', name: 'Bob' }
  return { type: 'message', room, id, from, text, at: '2026-11-22T10:00:00.000Z', via: 'fake' }
}

function usual(frame: ClientFrame): ServerFrame[] {
  const { ref = 0 } = frame
  switch (frame.type) {
    case 'hello':
      return [welcome()]
    case 'refresh':
      return [{ type: 'refreshed', ref }]
    case 'join':
      return [joined(frame)]
    case 'leave':
      return [{ type: 'left', ref, room: frame.room }]
    case 'send':
    case 'edit':
      return [{ type: 'sent', ref, id: `id-${frame.cid}` }]
    case 'delete':
      return [{ type: 'sent', ref, id: `deletion-${frame.id}` }]
    case 'members':
      return [{ type: 'members', ref, room: frame.room, users: [], count: 0 }]
    case 'ping':
      return [{ type: 'pong', ref }]
    default:
      return []
  }
}

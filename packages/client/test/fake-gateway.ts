import type { AddressInfo } from 'node:net'
import type { ClientFrame, ServerFrame, ServerFrames } from '@rabble/contract'
import { defaultLimits } from '@rabble/contract'
import type { TestContext } from '@rabble/harness'
import { type WebSocket, WebSocketServer } from 'ws'

export interface FakeConnection {
  /** What the client sent, in order. */
  readonly frames: readonly ClientFrame[]
  send(frame: ServerFrame): void
  /** Ends it with this code; without one as if the network were gone. */
  close(code?: number, reason?: string): void
  readonly open: boolean
  /** With which code the client closed it. */
  readonly code: number | undefined
}

export interface FakeGateway {
  readonly url: string
  readonly connections: readonly FakeConnection[]
  /** All frames of a type, over all connections. */
  frames<T extends ClientFrame['type']>(type: T): Extract<ClientFrame, { type: T }>[]
}

/** Answers a frame, or leaves it to the usual answer with `undefined`, or unanswered with `null`. */
export type Answer = (
  frame: ClientFrame,
  connection: FakeConnection,
) => ServerFrame | readonly ServerFrame[] | null | undefined

/** A gateway that does what the test says: for what no real one does when it is asked to. */
export async function startFakeGateway(
  t: TestContext,
  answer: Answer = () => undefined,
): Promise<FakeGateway> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(async () => {
    for (const client of server.clients) client.terminate()
    await new Promise((resolve) => server.close(resolve))
  })
  const connections: (FakeConnection & { frames: ClientFrame[] })[] = []
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
      const frame = JSON.parse(String(data)) as ClientFrame
      frames.push(frame)
      const answered = answer(frame, connection)
      if (answered === null) return
      for (const reply of answered === undefined ? usual(frame) : [answered].flat()) connection.send(reply)
    })
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    frames: (type) =>
      connections.flatMap(({ frames }) => frames).filter((frame) => frame.type === type) as never,
  }
}

export function welcome(more: Partial<ServerFrames['welcome']> = {}): ServerFrames['welcome'] {
  const user = { id: 'guest-ada', name: 'Ada' }
  return { type: 'welcome', session: 's-1', user, gateway: 'fake', limits: defaultLimits, ...more }
}

/** As the rooms service makes them, but for the signature. */
export function guestToken(seconds = 0): string {
  // In base64url, the claims have a "-" and a "_".
  const claims = { name: '~~~???', iat: 1_000, exp: 1_000 + seconds }
  return ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'signature'].join('.')
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

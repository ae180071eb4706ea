import { randomBytes } from 'node:crypto'
import type {
  ChatEvent,
  ClientFrames,
  ClientFrameType,
  MessageEvent,
  ServerFrame,
  ServerFrames,
} from '@rabble/contract'
import { WebSocket } from 'ws'
import { HttpSocket } from './http-socket.ts'
import { SocketIoSocket } from './socketio-socket.ts'
import type { TestContext } from './test-context.ts'

export type Transport = 'websocket' | 'sse' | 'polling' | 'socketio' | 'socketio-polling'

export interface ChatOptions {
  /** Name of a guest. The same name is the same guest throughout a test. Default without a token: a random name. */
  name?: string
  token?: string
  /** Default: `websocket`. */
  transport?: Transport
  /** Whether to ask for compression, and to compress all that is sent, as browsers do. Default: false. For `websocket` only. */
  compressed?: boolean
  /** Value of the Origin header. Default: no such header, as from a client that is no browser. */
  origin?: string
  /** Value of the X-Forwarded-For header. A service that trusts this machine as a proxy believes it. */
  address?: string
  /** Whether to say hello at once. Default: true. */
  hello?: boolean
  /** Timeout (ms) of a reply. Default: 30,000. */
  timeout?: number
}

interface Replies {
  hello: ServerFrames['welcome']
  refresh: ServerFrames['refreshed']
  join: ServerFrames['joined']
  leave: ServerFrames['left']
  send: ServerFrames['sent']
  edit: ServerFrames['sent']
  delete: ServerFrames['sent']
  react: ServerFrames['sent']
  typing: never
  signal: never
  members: ServerFrames['members']
  gateways: ServerFrames['gateways']
  conversations: ServerFrames['conversations']
  watch: ServerFrames['watching']
  read: ServerFrames['sent']
  mute: ServerFrames['sent']
  receipts: ServerFrames['receipts']
  privacy: ServerFrames['privacy']
  people: ServerFrames['people']
  away: never
  ping: ServerFrames['pong']
}

/** A request without its ref, which the client adds. */
export type ChatRequest<T extends ClientFrameType> = Omit<ClientFrames[T], 'ref' | 'type'> & { type: T }

/** An `error` frame that answered a request. The codes `closed` and `timeout` are the client's own. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
  readonly code: ServerFrames['error']['code'] | 'closed' | 'timeout'
  readonly retryAfter: number | undefined

  constructor(code: ReplyError['code'], message: string, retryAfter?: number) {
    super(`${code}: ${message}`)
    this.code = code
    this.retryAfter = retryAfter
  }
}

export interface ChatClient {
  /** User that the gateway named in `welcome`; undefined before it. */
  readonly user: { id: string; name: string } | undefined
  /** Every frame received, in order. */
  readonly frames: readonly ServerFrame[]
  /** Resolves with the close code and its reason when the connection ends. */
  readonly closed: Promise<{ code: number; reason: string }>
  /** Sends a frame with a ref of its own and resolves with its reply. @throws ReplyError */
  request<T extends ClientFrameType>(frame: ChatRequest<T>): Promise<Replies[T]>
  join(room: string, options?: { after?: string; recent?: number }): Promise<ServerFrames['joined']>
  send(room: string, text: string, options?: { cid?: string }): Promise<ServerFrames['sent']>
  sendTo(user: string, text: string, options?: { cid?: string }): Promise<ServerFrames['sent']>
  edit(room: string, id: string, text: string, options?: { cid?: string }): Promise<ServerFrames['sent']>
  delete(room: string, id: string): Promise<ServerFrames['sent']>
  react(room: string, id: string, emoji: string, remove?: boolean): Promise<ServerFrames['sent']>
  /** Events of a room, from `joined.events` and from frames of their own, in the order of arrival. */
  events(room: string): readonly ChatEvent[]
  /** Messages among these events, each as it arrived. Later changes are not applied. */
  messages(room: string): readonly MessageEvent[]
  /** Resolves with the first frame, received before or later, for which `predicate` holds. `timeout`: 30,000 ms by default. */
  waitFor(predicate: (frame: ServerFrame) => boolean, timeout?: number): Promise<ServerFrame>
  /** Resolves once an event was seen, in `joined.events` or in a frame of its own. `timeout`: 30,000 ms by default. */
  sees(id: string, timeout?: number): Promise<ServerFrame>
  /** Sends anything: a string as a text frame, bytes as a binary one; without a WebSocket, as the body of a POST request. */
  raw(data: string | Uint8Array): void
  /** Stops reading the socket, as a stuck client does. The gateway's writes pile up. A client that polls stops polling. */
  pause(): void
  resume(): void
  /** Closes the connection and resolves when it is closed. */
  close(): Promise<void>
}

/** Part of a WebSocket of `ws` that `connectChat` uses. */
interface ChatSocket {
  readonly readyState: number
  on(event: 'message', listener: (data: unknown) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  once(event: 'open', listener: () => void): unknown
  once(event: 'close', listener: (code: number, reason: unknown) => void): unknown
  send(data: string): void
  pause(): void
  resume(): void
  close(code: number): void
  terminate(): void
}

/** Tokens with which the guests of a test come back, by name. */
const guests = new WeakMap<TestContext, Map<string, string>>()

/**
 * Connects over the native protocol and says hello, if `hello` is not false. `url` is a service's `http://` address or a
 * whole `ws://` address. The connection is closed at teardown.
 * @throws Error with the status if the connection is refused, ReplyError if the hello is refused
 */
export async function connectChat(
  t: TestContext,
  url: string,
  options: ChatOptions = {},
): Promise<ChatClient> {
  const timeout = options.timeout ?? 30_000
  const known = guests.get(t) ?? new Map<string, string>()
  guests.set(t, known)
  const frames: ServerFrame[] = []
  const rooms = new Map<string, { events: ChatEvent[]; messages: MessageEvent[] }>()
  const pending = new Map<number, { resolve(frame: ServerFrame): void; reject(error: ReplyError): void }>()
  const watchers = new Set<(frame: ServerFrame) => void>()
  let lastRef = 0
  let user: ChatClient['user']

  const { socket, raw } = openSocket(url, options, Math.max(timeout, 10_000))
  t.teardown(() => socket.terminate())
  socket.on('message', (data) => receive(JSON.parse(String(data)) as ServerFrame))
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  void closed.then(({ code, reason }) => {
    for (const { reject } of pending.values()) reject(new ReplyError('closed', `${code} ${reason}`))
    pending.clear()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.on('error', reject)
  })

  function receive(frame: ServerFrame): void {
    frames.push(frame)
    if (isEvent(frame)) remember(frame.room, [frame])
    else if (frame.type === 'joined') remember(frame.room, frame.events)
    else if (frame.type === 'welcome') {
      user = frame.user
      if (frame.token !== undefined && options.name !== undefined) known.set(options.name, frame.token)
    }
    if ('ref' in frame) answer(frame, Number(frame.ref))
    for (const watcher of watchers) watcher(frame)
  }

  function answer(frame: ServerFrame, ref: number): void {
    const waiting = pending.get(ref)
    if (!waiting) return
    pending.delete(ref)
    if (frame.type !== 'error') waiting.resolve(frame)
    else waiting.reject(new ReplyError(frame.code, frame.message, frame.retryAfter))
  }

  function remember(room: string, fresh: readonly ChatEvent[]): void {
    const known = rooms.get(room) ?? { events: [], messages: [] }
    rooms.set(room, known)
    for (const event of fresh) {
      known.events.push(event)
      if (event.type === 'message') known.messages.push(event)
    }
  }

  async function request<T extends ClientFrameType>(frame: ChatRequest<T>): Promise<Replies[T]> {
    if (socket.readyState !== WebSocket.OPEN) throw new ReplyError('closed', 'the connection is down')
    const ref = ++lastRef
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<Replies[T]>((resolve, reject) => {
        const late = () => reject(new ReplyError('timeout', `no reply to ${frame.type} in ${timeout} ms`))
        timer = setTimeout(late, timeout)
        pending.set(ref, { resolve: (reply) => resolve(reply as Replies[T]), reject })
        socket.send(JSON.stringify({ ...frame, ref }))
      })
    } finally {
      clearTimeout(timer)
      pending.delete(ref)
    }
  }

  function waitFor(predicate: (frame: ServerFrame) => boolean, limit = 30_000): Promise<ServerFrame> {
    const found = frames.find(predicate)
    if (found) return Promise.resolve(found)
    return new Promise((resolve, reject) => {
      const finish = (work: () => void) => {
        clearTimeout(timer)
        watchers.delete(watcher)
        work()
      }
      const watcher = (frame: ServerFrame) => predicate(frame) && finish(() => resolve(frame))
      const recent = () => frames.slice(-5).map((frame) => JSON.stringify(frame).slice(0, 300))
      const fail = (why: string) =>
        finish(() => reject(new Error(`${why}; the last frames were:\n${recent().join('\n')}`)))
      const timer = setTimeout(fail, limit, `waited ${limit} ms in vain for a frame`)
      watchers.add(watcher)
      void closed.then(({ code, reason }) => fail(`the connection closed with ${code} ${reason}`))
    })
  }

  const client: ChatClient = {
    get user() {
      return user
    },
    frames,
    closed,
    request,
    join: (room, more) => request<'join'>({ type: 'join', room, ...more }),
    send: (room, text, more) => request<'send'>({ type: 'send', room, text, ...more }),
    sendTo: (to, text, more) => request<'send'>({ type: 'send', to, text, ...more }),
    edit: (room, id, text, more) => request<'edit'>({ type: 'edit', room, id, text, ...more }),
    delete: (room, id) => request<'delete'>({ type: 'delete', room, id }),
    react: (room, id, emoji, remove = false) =>
      request<'react'>({ type: 'react', room, id, emoji, ...(remove && { remove }) }),
    events: (room) => rooms.get(room)?.events ?? [],
    messages: (room) => rooms.get(room)?.messages ?? [],
    waitFor,
    sees: (id, limit = 30_000) => waitFor((frame) => holds(frame, id), limit),
    raw,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    async close() {
      socket.resume()
      socket.close(1000)
      await closed
    },
  }
  if (options.hello ?? true) {
    const token = options.token ?? known.get(options.name ?? '')
    await client.request<'hello'>({ type: 'hello', ...identity({ ...options, ...(token && { token }) }) })
  }
  return client
}

function holds(frame: ServerFrame, id: string): boolean {
  if (frame.type === 'joined') return frame.events.some((event) => event.id === id)
  return isEvent(frame) && frame.id === id
}

function isEvent(frame: ServerFrame): frame is ChatEvent {
  return ['message', 'edit', 'delete', 'reaction'].includes(frame.type)
}

function identity({ name, token }: ChatOptions): { name?: string; token?: string } {
  const guest = token === undefined ? `tester-${randomBytes(4).toString('hex')}` : undefined
  const chosen = name ?? guest
  return { ...(chosen === undefined ? {} : { name: chosen }), ...(token === undefined ? {} : { token }) }
}

function openSocket(
  url: string,
  { transport = 'websocket', compressed = false, origin, address }: ChatOptions,
  handshakeTimeout: number,
): { socket: ChatSocket; raw: ChatClient['raw'] } {
  const headers = {
    ...(origin === undefined ? {} : { origin }),
    ...(address === undefined ? {} : { 'x-forwarded-for': address }),
  }
  if (transport === 'websocket') {
    const perMessageDeflate = compressed && { threshold: 0 }
    const options = { perMessageDeflate, handshakeTimeout, headers }
    const socket = new WebSocket(chatUrl(url), 'rabble.v1', options)
    return { socket, raw: (data) => socket.send(data) }
  }
  if (transport === 'socketio' || transport === 'socketio-polling') {
    const inner = transport === 'socketio' ? 'websocket' : 'polling'
    const socket = new SocketIoSocket(chatUrl(url), { transport: inner, headers, handshakeTimeout })
    return { socket, raw: (data) => socket.raw(data) }
  }
  const socket = new HttpSocket(chatUrl(url), { transport, headers, handshakeTimeout })
  return { socket, raw: (data) => socket.raw(data) }
}

function chatUrl(address: string): string {
  const url = new URL(address)
  url.protocol = url.protocol.replace('http', 'ws')
  if (url.pathname === '/') url.pathname = '/ws'
  return url.href
}

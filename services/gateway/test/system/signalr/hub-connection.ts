import type { HubConnection } from '@microsoft/signalr'
import type { ChatEvent, MessageEvent, ServerFrame, ServerFrames } from '@rabble/contract'
import { type ChatClient, type ChatOptions, type ChatRequest, ReplyError } from '@rabble/harness'
import { buildHub, type HubOptions } from '@rabble/harness/official-clients'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { TestGateway } from '../../build.ts'
import { startBridge } from './pausing-bridge.ts'

/** Connects the official client. `heard` gets the arguments of `ReceiveMessage`, and `events` those of `Event`. */
export async function connectHub(
  t: Test,
  { http }: Pick<TestGateway, 'http'>,
  options: HubOptions = {},
): Promise<{ hub: HubConnection; heard: unknown[][]; events: ServerFrame[] }> {
  const hub = buildHub(t, http, options)
  const heard: unknown[][] = []
  const events: ServerFrame[] = []
  hub.on('ReceiveMessage', (...args: unknown[]) => heard.push(args))
  hub.on('Event', (json: string) => events.push(JSON.parse(json)))
  await hub.start()
  return { hub, heard, events }
}

/** Tokens with which the guests of a test come back, by name. */
const guests = new WeakMap<Test, Map<string, string>>()

/** Connects the official client, and speaks the native protocol through `Request` and `Event`. */
export async function connectHubChat(
  t: Test,
  gateway: TestGateway,
  { name = 'tester', token: given, messagePack = false, over = 'WebSockets' }: ChatOptions & HubOptions = {},
): Promise<ChatClient> {
  const known = guests.get(t) ?? new Map<string, string>()
  guests.set(t, known)
  const frames: ServerFrame[] = []
  const rooms = new Map<string, { events: ChatEvent[]; messages: MessageEvent[] }>()
  const watchers = new Set<(frame: ServerFrame) => void>()
  let user: ChatClient['user']
  let socket: WebSocket | undefined
  let close: (how: { code: number; reason: string }) => void = () => {}
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    close = resolve
  })
  class Watched extends WebSocket {
    constructor(url: string, protocols: undefined, options: object) {
      super(url, protocols, { perMessageDeflate: false, ...options })
      socket = this
      this.once('close', (code, reason) => close({ code, reason: String(reason) }))
    }
  }
  const bridge = over === 'WebSockets' ? undefined : await startBridge(t, gateway.http)
  const hub = buildHub(t, bridge?.url ?? gateway.http, { messagePack, over, WebSocket: Watched })
  t.teardown(() => {
    bridge?.resume()
    socket?.terminate()
  })
  // The close message of the hub protocol has a reason and no code.
  hub.onclose((error) => {
    const reason = error?.message.replace(/^Server returned an error on close: /, '') ?? ''
    if (bridge !== undefined) close({ code: error === undefined ? 1000 : 1006, reason })
  })

  function receive(frame: ServerFrame): void {
    frames.push(frame)
    const events = frame.type === 'joined' ? frame.events : isEvent(frame) ? [frame] : []
    if (frame.type === 'welcome') {
      user = frame.user
      if (frame.token !== undefined) known.set(name, frame.token)
    }
    if ('room' in frame && events.length > 0) {
      const own = rooms.get(frame.room) ?? { events: [], messages: [] }
      rooms.set(frame.room, own)
      own.events.push(...events)
      own.messages.push(...events.filter((event) => event.type === 'message'))
    }
    for (const watcher of watchers) watcher(frame)
  }
  hub.on('Event', (json: string) => receive(JSON.parse(json)))
  hub.on('ReceiveMessage', () => {})
  await hub.start()

  async function request(frame: ChatRequest<never> | object): Promise<never> {
    const reply = JSON.parse(await hub.invoke('Request', JSON.stringify(frame))) as ServerFrame
    receive(reply)
    if (reply.type === 'error') throw new ReplyError(reply.code, reply.message, reply.retryAfter)
    return reply as never
  }

  function waitFor(predicate: (frame: ServerFrame) => boolean, limit = 30_000): Promise<ServerFrame> {
    const found = frames.find(predicate)
    if (found) return Promise.resolve(found)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('waited in vain for a frame')), limit)
      const watcher = (frame: ServerFrame) => {
        if (!predicate(frame)) return
        clearTimeout(timer)
        watchers.delete(watcher)
        resolve(frame)
      }
      watchers.add(watcher)
    })
  }

  const client: ChatClient = {
    get user() {
      return user
    },
    frames,
    closed,
    request,
    join: (room, more) => request({ type: 'join', room, ...more }),
    send: (room, text, more) => request({ type: 'send', room, text, ...more }),
    sendTo: (to, text, more) => request({ type: 'send', to, text, ...more }),
    edit: (room, id, text, more) => request({ type: 'edit', room, id, text, ...more }),
    delete: (room, id) => request({ type: 'delete', room, id }),
    react: (room, id, emoji, remove = false) => request({ type: 'react', room, id, emoji, remove }),
    events: (room) => rooms.get(room)?.events ?? [],
    messages: (room) => rooms.get(room)?.messages ?? [],
    waitFor,
    sees: (id, limit) => waitFor((frame) => holds(frame, id), limit),
    // Data that breaks the hub protocol ends the connection. This is refused like a wrong frame of the native protocol.
    raw: (data) => void hub.send(String(data)).catch(() => {}),
    pause: () => (bridge ?? socket)?.pause(),
    resume: () => (bridge ?? socket)?.resume(),
    async close() {
      await hub.stop()
      await closed
    },
  }
  const token = given ?? known.get(name)
  await request({ type: 'hello', ...(token === undefined ? { name } : { token }) })
  return client
}

function holds(frame: ServerFrame, id: string): boolean {
  if (frame.type === 'joined') return frame.events.some((event) => event.id === id)
  return isEvent(frame) && frame.id === id
}

function isEvent(frame: ServerFrame): frame is ServerFrames['message' | 'edit' | 'delete'] {
  return frame.type === 'message' || frame.type === 'edit' || frame.type === 'delete'
}

import { createRequire } from 'node:module'
import { io as io4 } from 'socket.io-client'
import type { TestContext } from '../test-context.ts'
import { until } from '../until.ts'

export interface SocketIoOptions {
  /** Version of the library. Default: 4. */
  version?: 2 | 3 | 4
  [option: string]: unknown
}

/** Part of the interface that all versions of the library have. */
export interface SocketIo {
  id?: string
  connected: boolean
  /** Of version 3 and later: the identity, which is read at each connection. */
  auth?: object
  io: { engine?: { transport?: { name: string } }; opts: { query?: object } }
  emit(event: string, ...args: unknown[]): unknown
  on(event: string, listener: (...args: never[]) => void): unknown
  off(event: string, listener: () => void): unknown
  disconnect(): unknown
}

type Connect = (url: string, options: object) => SocketIo
const require = createRequire(import.meta.url)
const libraries: Record<2 | 3 | 4, Connect> = {
  2: require('socket.io-client-2'),
  3: require('socket.io-client-3'),
  4: io4 as unknown as Connect,
}

/** Connects with a version of the library. The client is disconnected at teardown. */
export function openSocketIo(t: TestContext, url: string, options: SocketIoOptions = {}): SocketIo {
  const { version = 4, ...rest } = options
  const socket = libraries[version](url, { forceNew: true, ...rest })
  t.teardown(() => socket.disconnect())
  return socket
}

/** Asks something of the gateway. Resolves with the acknowledgement. @throws Error if none comes in 30 s */
export function ask(socket: SocketIo, event: string, ...args: unknown[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no acknowledgement of ${event}`)), 30_000)
    socket.emit(event, ...args, (answer: Answer) => {
      clearTimeout(timer)
      resolve(answer)
    })
  })
}

export interface Answer {
  ok?: true
  id?: string
  complete?: boolean
  events?: { id: string; text: string }[]
  error?: { code: string; message: string }
}

/** A client of Socket.IO, and all events that it got. */
export interface SocketIoClient {
  readonly id: string | undefined
  readonly connected: boolean
  /** Each event as its name and its arguments. */
  readonly events: [name: string, ...args: never[]][]
  /** Emits an event and resolves with the acknowledgement. */
  ask(event: string, ...args: unknown[]): Promise<Answer>
  emit(event: string, ...args: unknown[]): void
  /** Resolves with the arguments of the first event for which `check` holds. */
  gets(event: string, check?: (...args: never[]) => boolean): Promise<never[]>
  disconnect(): void
  /** Name of the transport in use. */
  transport(): string | undefined
}

/**
 * Connects with a version of the library, which does not come back, unless the options say so. Resolves when the client has got
 * `start`. @throws the error of the library
 */
export async function connectSocketIo(
  t: TestContext,
  url: string,
  options: SocketIoOptions = {},
): Promise<SocketIoClient> {
  const socket = openSocketIo(t, url, { reconnection: false, ...options })
  const events: SocketIoClient['events'] = []
  for (const name of ['start', 'message', 'event', 'disconnect', 'connect_error', 'error']) {
    socket.on(name, (...args: never[]) => events.push([name, ...args]))
  }
  const find = (event: string, check: (...args: never[]) => boolean) =>
    events.find(([name, ...args]) => name === event && check(...args))
  const client: SocketIoClient = {
    get id() {
      return socket.id
    },
    get connected() {
      return socket.connected
    },
    events,
    ask: (event, ...args) => ask(socket, event, ...args),
    emit: (event, ...args) => void socket.emit(event, ...args),
    async gets(event, check = () => true) {
      await until(() => find(event, check) !== undefined, 30_000, `the event ${event}`)
      const [, ...args] = find(event, check) ?? ['']
      return args
    },
    disconnect: () => void socket.disconnect(),
    transport: () => socket.io.engine?.transport?.name,
  }
  const refused = () => events.find(([name]) => name === 'connect_error' || name === 'error')
  await until(() => refused() !== undefined || find('start', () => true) !== undefined, 30_000, 'the start')
  const error = refused()
  if (error !== undefined) throw error[1]
  return client
}

import { createRequire } from 'node:module'
import { until } from '@rabble/harness'
import { io as io4 } from 'socket.io-client'
import type { Test } from 'tap'

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

export interface Answer {
  ok?: true
  id?: string
  events?: { id: string; text: string }[]
  error?: { code: string; message: string }
}

/** Part of the interface that both versions of the library have. */
interface Library {
  id?: string
  connected: boolean
  io: { engine?: { transport?: { name: string } } }
  emit(event: string, ...args: unknown[]): unknown
  on(event: string, listener: (...args: never[]) => void): unknown
  disconnect(): unknown
}

const io2 = createRequire(import.meta.url)('socket.io-client-2') as (url: string, options: object) => Library

/** Connects with version 4 or 2 of the library. Resolves when the client has got `start`. @throws the error of the library */
export async function connectSocketIo(
  t: Test,
  url: string,
  options: { version?: 2 | 4; [option: string]: unknown } = {},
): Promise<SocketIoClient> {
  const { version = 4, ...rest } = options
  const settings = { forceNew: true, reconnection: false, ...rest }
  const socket = version === 4 ? (io4(url, settings) as unknown as Library) : io2(url, settings)
  t.teardown(() => socket.disconnect())
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
    ask: (event, ...args) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no acknowledgement of ${event}`)), 30_000)
        socket.emit(event, ...args, (answer: Answer) => {
          clearTimeout(timer)
          resolve(answer)
        })
      }),
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

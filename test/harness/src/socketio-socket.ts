import { EventEmitter } from 'node:events'
import { io, type Socket } from 'socket.io-client'
import type { WebSocket } from 'ws'

export interface SocketIoOptions {
  transport: 'websocket' | 'polling'
  headers: Record<string, string>
  /** Timeout (ms) of the connection. */
  handshakeTimeout: number
}

/** The transport of the library's connection, with parts that its types hide. */
interface EngineTransport {
  readonly ws?: WebSocket & { _socket?: { pause(): void; resume(): void } }
  doPoll?(): void
}

/**
 * A client of Socket.IO 4 with the part of the interface of a WebSocket of `ws` that `connectChat` uses. The frame `hello` connects
 * it. Other frames are events, and what comes is turned into frames again. docs/protocol/socketio.md has the format.
 */
export class SocketIoSocket extends EventEmitter {
  /** As of a WebSocket: 1 open, 3 closed. */
  readyState: 1 | 3 = 1
  readonly #socket: Socket
  #code = 1006
  #reason = ''
  #held: (() => void) | undefined

  /** `url` is the `ws://` address. Only its host counts. */
  constructor(url: string, { transport, headers, handshakeTimeout }: SocketIoOptions) {
    super()
    this.#socket = io(new URL('/', url.replace(/^ws/, 'http')).href, {
      transports: [transport],
      extraHeaders: headers,
      timeout: handshakeTimeout,
      autoConnect: false,
      forceNew: true,
      reconnection: false,
    })
    this.#socket.on('message', (_data: object, event: object) => this.#receive(event))
    this.#socket.on('event', (frame: { type: string; code: number; reason: string }) => {
      if (frame.type === 'close') {
        this.#code = frame.code
        this.#reason = frame.reason
      } else this.#receive(frame)
    })
    this.#socket.on('disconnect', (reason) => {
      if (reason === 'io client disconnect') this.#code = 1000
      this.#close()
    })
    queueMicrotask(() => this.emit('open'))
  }

  send(json: string): void {
    const { type, ref, ...fields } = JSON.parse(json)
    if (type === 'hello') this.#enter(ref, fields)
    else {
      this.#socket.emit(type, fields, (answer: { ok?: true; error?: object }) => {
        const { ok: _, error, ...reply } = answer
        this.#receive({ ...(error ?? reply), ref })
      })
    }
  }

  /** Sends anything as an event. */
  raw(data: string | Uint8Array): void {
    this.#socket.emit(String(data))
  }

  pause(): void {
    const transport = this.#transport()
    if (transport.ws !== undefined) transport.ws._socket?.pause()
    else if (transport.doPoll !== undefined) {
      const poll = transport.doPoll
      transport.doPoll = () => {
        this.#held = () => poll.call(transport)
      }
    }
  }

  resume(): void {
    if (!this.#socket.connected) return
    const transport = this.#transport()
    transport.ws?._socket?.resume()
    // The method of the prototype again.
    if (Object.hasOwn(transport, 'doPoll')) delete transport.doPoll
    this.#held?.()
    this.#held = undefined
  }

  close(): void {
    this.#socket.disconnect()
  }

  terminate(): void {
    this.#socket.disconnect()
  }

  #transport(): EngineTransport {
    return this.#socket.io.engine.transport as unknown as EngineTransport
  }

  #enter(ref: unknown, auth: object): void {
    this.#socket.auth = auth
    this.#socket.on('start', ({ ipHost, ...rest }) =>
      this.#receive({ type: 'welcome', ref, gateway: ipHost, ...rest }),
    )
    this.#socket.on('connect_error', (error: Error & { data?: object; description?: unknown }) => {
      if (error.data !== undefined) this.#receive({ type: 'error', ref, ...error.data })
      else {
        this.#reason = `${error.message}: ${describe(error.description)}`
        this.#close()
      }
    })
    this.#socket.connect()
  }

  #receive(frame: object): void {
    this.emit('message', JSON.stringify(frame))
  }

  #close(): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.emit('close', this.#code, this.#reason)
  }
}

/** Returns what an error of the library's transport was: the status of a response, or the error of a WebSocket. */
function describe(description: unknown): string {
  return description instanceof Object && 'message' in description
    ? String(description.message)
    : String(description)
}

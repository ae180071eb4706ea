import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import websocket from '@fastify/websocket'
import type { Clock } from '@rabble/clock'
import { type CloseReason, RabbleError } from '@rabble/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { FrameProgress } from './frame-progress.ts'
import { inflateAtOnce } from './inflating.ts'
import type { SessionHost } from './transport.ts'

/** Time (ms) that a client has to answer a close frame before its socket is dropped, with all that waits for it. */
const closeTimeout = 2_000

/** Errors for which the library itself closes the connection, each with the reason of the close code. */
const refused: Record<string, CloseReason> = {
  WS_ERR_INVALID_UTF8: 'notText',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'policy',
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'tooLarge',
  Z_DATA_ERROR: 'notText',
}

/**
 * Minimum mean size (bytes) of the parts of a message that has the maximum size. A part is a fragment, or a piece in which a
 * frame arrives. Each part costs hundreds of bytes of memory until the message is complete.
 */
const partBytes = 256
/** Number of parts that any message may have: libraries and networks split as they like. */
const minParts = 64

/** Maximum length (bytes) of the reason in a close frame (RFC 6455, section 5.5). */
const longestMessage = 123

/** Close codes of a client that leaves on purpose. 1005 is a close frame without a code. */
const cleanCloseCodes: ReadonlySet<number> = new Set([1000, 1001, 1005])

/** Returns whether the client closed the connection on purpose, from the close code. */
export function isCleanClose(code: number): boolean {
  return cleanCloseCodes.has(code)
}

/** Returns why a connection ends with this error, for the metrics. */
export function reasonOf(error: Error): string {
  return ('code' in error && refused[`${error.code}`]) || 'failed'
}

/** Maximum sizes (bytes) of messages on the connections that some requests begin. */
const messageSizes = new WeakMap<IncomingMessage, number>()

/** Sets the maximum size (bytes) of messages on the connection that a request begins. Default: `frameBytes`. */
export function limitMessages({ raw }: FastifyRequest, bytes: number): void {
  messageSizes.set(raw, bytes)
}

/** Answers to the offers of clients to compress, by the requests that begin their connections. */
const compressions = new WeakMap<IncomingMessage, string>()

/** Compresses messages on the connection that a request begins. `answer`: the `Sec-WebSocket-Extensions` of the response. */
export function compressMessages({ raw }: FastifyRequest, answer: string): void {
  compressions.set(raw, answer)
}

/** Returns the options of the library for a maximum size (bytes) of messages. */
function sizeOptions(bytes: number): object {
  const parts = Math.max(minParts, Math.ceil(bytes / partBytes))
  return { maxPayload: bytes, maxFragments: parts, maxBufferedChunks: parts }
}

/** Prepares an app for routes with WebSockets, once for all transports that have some. */
export async function serveWebSockets(app: FastifyInstance, host: SessionHost): Promise<void> {
  if (app.hasDecorator('websocketServer')) return
  const { frameBytes } = host.limits
  await app.register(websocket, {
    options: {
      ...sizeOptions(frameBytes),
      // Applies also to connections that the library closes. @types/ws does not know it yet.
      ...{ closeTimeout },
      perMessageDeflate: false,
      handleProtocols: (offered: Set<string>) => (offered.has('rabble.v1') ? 'rabble.v1' : false),
    },
    // The gateway has closed its sessions, with a code, in its own preClose hook.
    preClose(done) {
      app.websocketServer.close(() => done())
    },
    errorHandler: (_error, socket) => socket.terminate(),
  })

  // Node has let go of these sockets, and would leave them open after an answer, such as that to a wrong URL.
  const { routing } = app
  const answers = new WeakMap<IncomingMessage, ServerResponse>()
  Object.assign(app, {
    routing(request: IncomingMessage, response: ServerResponse) {
      response.once('finish', () => request.socket.end())
      answers.set(request, response)
      routing(request, response)
    },
  })

  // The library would open a WebSocket, close it, and log the whole URL.
  const routes = new Set<string | undefined>()
  app.addHook('onRoute', ({ url, wsHandler, websocket: isSocket }) => {
    if (wsHandler !== undefined || isSocket === true) routes.add(url)
  })
  app.addHook('onRequest', (request, _reply, done) => {
    const isWrong = request.ws && !routes.has(request.routeOptions.url)
    done(isWrong ? new RabbleError('not-found', 'there is no WebSocket here') : undefined)
  })

  // The library knows one set of options for all connections. It reads them when a connection begins.
  const server = app.websocketServer
  const handleUpgrade = server.handleUpgrade.bind(server)
  server.handleUpgrade = (request, socket, head, accept) => {
    const bytes = messageSizes.get(request) ?? frameBytes
    const compression = compressions.get(request)
    // The library would refuse a client whose offer it can't accept. It confirms an offer that is as the answer must be.
    if (compression !== undefined) request.headers['sec-websocket-extensions'] = compression
    Object.assign(server.options, sizeOptions(bytes), { perMessageDeflate: compression !== undefined && {} })
    handleUpgrade(request, socket, head, (client, ...more) => {
      inflateAtOnce(client, bytes, host.clock)
      accept(client, ...more)
      // Request and answer would stay in memory for as long as the connection: the socket and the library's listener refer to them.
      // The transports have no listeners for errors: they set `onFailure`.
      answers.get(request)?.detachSocket(socket as Socket)
      client.removeAllListeners('error')
      client.on('error', fail)
    })
  }

  app.server.on('upgrade', (request, socket) => {
    // While Fastify closes, it answers with 503 before any hook, and leaves the socket open. Node would wait for that socket.
    if (host.closed) socket.end(() => socket.destroy())
    // The library has refused it, because an earlier request of this connection has no answer yet. Node has let go of the socket.
    else if (!answers.has(request)) socket.destroy()
  })
}

/** Callbacks for connections that fail. */
const failures = new WeakMap<WebSocket, (error: Error) => void>()

/** Sets what is called when a connection has failed and is terminated. Must be called by the handler of the route, before it awaits. */
export function onFailure(socket: WebSocket, failed: (error: Error) => void): void {
  failures.set(socket, failed)
}

function fail(this: WebSocket, error: Error): void {
  this.terminate()
  failures.get(this)?.(error)
}

/** The part of a connection that all transports over WebSockets share. */
export class SocketConnection {
  protected readonly socket: WebSocket
  protected readonly tcp: Socket
  readonly #progress = new FrameProgress()
  readonly #clock: Clock

  constructor(socket: WebSocket, tcp: Socket, clock: Clock) {
    this.socket = socket
    this.tcp = tcp
    this.#clock = clock
    tcp.on('data', (chunk) => this.#progress.read(chunk, clock.monotonic()))
  }

  get unsent(): number {
    return this.tcp.writableLength
  }

  get taken(): number {
    return this.tcp.bytesWritten - this.tcp.writableLength
  }

  get unfinishedSince(): number | undefined {
    return this.#progress.unfinishedSince
  }

  protected get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    if (this.isOpen) this.socket.resume()
  }

  ping(): void {
    if (this.isOpen) this.socket.ping()
  }

  /**
   * Writes encoded frames to the TCP socket directly: the library would encode them again for each client. Both may write to the socket
   * because neither splits a frame over several writes, and the library compresses nothing: it only writes control frames.
   */
  protected writeFrames(frames: readonly Buffer[]): void {
    if (!this.isOpen) return
    const { tcp } = this
    if (frames.length === 1 && frames[0] !== undefined) {
      tcp.write(frames[0])
      return
    }
    tcp.cork()
    for (const frame of frames) tcp.write(frame)
    tcp.uncork()
  }

  /** Closes the connection with this code. A message that is too long for a close frame is left out. */
  protected finish(code: number, message: string): void {
    this.socket.close(code, Buffer.byteLength(message) > longestMessage ? '' : message)
    // Otherwise the client's answer would never be read from a paused connection.
    this.socket.resume()
    this.#clock.setTimeout(() => this.socket.terminate(), closeTimeout).unref()
  }

  terminate(): void {
    this.socket.terminate()
  }

  drained(bytes: number): Promise<void> {
    const { tcp } = this
    if (tcp.writableLength <= bytes || tcp.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      const check = () => {
        if (!tcp.destroyed && tcp.writableLength > bytes) return
        tcp.off('drain', check)
        tcp.off('close', check)
        resolve()
      }
      tcp.on('drain', check)
      tcp.on('close', check)
    })
  }
}

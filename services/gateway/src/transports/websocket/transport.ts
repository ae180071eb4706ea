import type { Socket } from 'node:net'
import websocket from '@fastify/websocket'
import type { Clock } from '@rabble/clock'
import { type CloseReason, closeCodes } from '@rabble/contract'
import { sessionToken } from '@rabble/service'
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import type { WebSocket } from 'ws'
import type { Connection } from '../../sessions/connection.ts'
import type { SessionHost, Transport } from '../transport.ts'
import { FrameProgress } from './frame-progress.ts'
import { webSocketCodec } from './framing.ts'

/** Time (ms) that a client has to answer a close frame before its socket is dropped, with all that waits for it. */
const closeTimeout = 2_000

/** Errors for which the library itself closes the connection, each with the reason of the close code. */
const refused: Record<string, CloseReason> = {
  WS_ERR_INVALID_UTF8: 'notText',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'policy',
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'tooLarge',
}

/**
 * Minimum mean size (bytes) of the parts of a message that has the maximum size. A part is a fragment, or a piece in which a
 * frame arrives. Each part costs hundreds of bytes of memory until the message is complete.
 */
const partBytes = 256
/** Number of parts that any message may have: libraries and networks split as they like. */
const minParts = 64

/** Close codes of a client that leaves on purpose. 1005 is a close frame without a code. */
const cleanCloseCodes: ReadonlySet<number> = new Set([1000, 1001, 1005])

/** The native protocol: one JSON object per text frame, at `/ws`. */
export const webSocketTransport: Transport = { name: 'websocket', register }

async function register(app: FastifyInstance, host: SessionHost): Promise<void> {
  const parts = Math.max(minParts, Math.ceil(host.limits.frameBytes / partBytes))
  await app.register(websocket, {
    options: {
      maxPayload: host.limits.frameBytes,
      // Applies also to connections that the library closes. @types/ws does not know it yet.
      ...{ closeTimeout },
      maxFragments: parts,
      maxBufferedChunks: parts,
      // Compression costs more memory per connection than everything else together.
      perMessageDeflate: false,
      handleProtocols: (offered: Set<string>) => (offered.has('rabble.v1') ? 'rabble.v1' : false),
    },
    // The gateway has closed its sessions, with a code, in its own preClose hook.
    preClose(done) {
      app.websocketServer.close(() => done())
    },
    errorHandler(error, socket, request) {
      request.log.debug({ err: error }, 'connection failed')
      socket.terminate()
    },
  })

  // While Fastify closes, it answers with 503 before any hook, and leaves the socket open. Node would wait for that socket.
  app.server.on('upgrade', (_request, socket) => {
    if (host.closed) socket.end(() => socket.destroy())
  })

  // Answers instead of a handshake: a proxy can try another gateway then. It would not see a close code.
  const onRequest: onRequestHookHandler = (_request, _reply, done) => done(host.refusal())
  // Everything up to the handlers happens in this turn, so that a frame right behind the upgrade is not lost.
  app.get('/ws', { websocket: true, onRequest }, (socket, request) => {
    const tcp = request.raw.socket
    const progress = new FrameProgress()
    tcp.on('data', (chunk) => progress.read(chunk, host.clock.monotonic()))
    const connection = createConnection(socket, tcp, progress, host.clock)
    const { origin, cookie } = request.headers
    const session = host.open(connection, {
      transport: webSocketTransport.name,
      origin,
      reached: request,
      address: request.ip,
      cookie: sessionToken(cookie, request.protocol),
    })
    if (session === undefined) {
      socket.on('error', () => {})
      return
    }
    socket.on('message', (data, isBinary) =>
      host.receive(session, isBinary ? (data as Buffer) : data.toString()),
    )
    socket.on('pong', () => session.heardPong())
    // The library itself answers pings. A client that sends pings without reading the answers is a slow reader too.
    socket.on('ping', () => {
      session.heardPing()
      session.flush()
    })
    socket.on('error', (error) => {
      host.disconnected(session, ('code' in error && refused[`${error.code}`]) || 'failed')
    })
    socket.on('close', (code) => host.disconnected(session, 'client', cleanCloseCodes.has(code)))
  })
}

/**
 * Returns a connection that writes encoded frames to the TCP socket directly: the library would encode them again for each
 * client. Both may write to the socket because neither splits a frame over several writes, and compression is off.
 */
function createConnection(socket: WebSocket, tcp: Socket, progress: FrameProgress, clock: Clock): Connection {
  return {
    codec: webSocketCodec,
    get unsent() {
      return tcp.writableLength
    },
    get taken() {
      return tcp.bytesWritten - tcp.writableLength
    },
    get unfinishedSince() {
      return progress.unfinishedSince
    },
    write(pieces) {
      if (socket.readyState !== socket.OPEN) return
      if (pieces.length === 1 && pieces[0] !== undefined) {
        tcp.write(pieces[0])
        return
      }
      tcp.cork()
      for (const piece of pieces) tcp.write(piece)
      tcp.uncork()
    },
    pause: () => socket.pause(),
    resume() {
      if (socket.readyState === socket.OPEN) socket.resume()
    },
    ping() {
      if (socket.readyState === socket.OPEN) socket.ping()
    },
    close(reason: CloseReason, message: string) {
      socket.close(closeCodes[reason].code, message)
      // Otherwise the client's answer would never be read from a paused connection.
      socket.resume()
      clock.setTimeout(() => socket.terminate(), closeTimeout).unref()
    },
    terminate: () => socket.terminate(),
    drained(bytes) {
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
    },
  }
}

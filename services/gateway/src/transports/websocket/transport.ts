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

/** How long (ms) a client has to answer a close frame before its socket is dropped, with all that waits for it. */
const closeTimeout = 2_000

/** Frames for which the library closes the connection by itself, with the code of the reason. */
const refused: Record<string, CloseReason> = {
  WS_ERR_INVALID_UTF8: 'notText',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'policy',
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'tooLarge',
}

/**
 * Bytes that a fragment of a message, or a piece in which a frame arrives, has in the mean at least where the message is as
 * large as it may be. Each costs hundreds of bytes of memory until the message is whole.
 */
const partBytes = 256
/** Parts that a message may have in any case: libraries cut as they like, networks too. */
const minParts = 64

/** Codes with which a client says that it leaves; 1005 is a close frame without one. */
const cleanCloseCodes: ReadonlySet<number> = new Set([1000, 1001, 1005])

/** The native protocol: one JSON object per text frame, at `/ws`. */
export const webSocketTransport: Transport = { name: 'websocket', register }

async function register(app: FastifyInstance, host: SessionHost): Promise<void> {
  const parts = Math.max(minParts, Math.ceil(host.limits.frameBytes / partBytes))
  await app.register(websocket, {
    options: {
      maxPayload: host.limits.frameBytes,
      // Also of connections that it closes by itself. @types/ws doesn't know it yet.
      ...{ closeTimeout },
      maxFragments: parts,
      maxBufferedChunks: parts,
      // Compression costs more memory per connection than all the rest together.
      perMessageDeflate: false,
      handleProtocols: (offered: Set<string>) => (offered.has('rabble.v1') ? 'rabble.v1' : false),
    },
    // The gateway has closed its sessions, with a code, in a preClose hook of its own.
    preClose(done) {
      app.websocketServer.close(() => done())
    },
    errorHandler(error, socket, request) {
      request.log.debug({ err: error }, 'connection failed')
      socket.terminate()
    },
  })

  // Once it closes, Fastify answers with 503 before any hook, and leaves the socket open, for which Node would wait.
  app.server.on('upgrade', (_request, socket) => {
    if (host.closed) socket.end(() => socket.destroy())
  })

  // An answer instead of the handshake: a proxy can ask another gateway then, which a close code can't tell it.
  const onRequest: onRequestHookHandler = (_request, _reply, done) => done(host.refusal())
  // Everything up to the handlers happens in this turn: a frame that comes right behind the upgrade is not lost.
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
    // The library answers pings by itself; whoever sends them without reading the answers is a slow reader too.
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
 * Frames that are encoded already go to the TCP socket directly: the library would encode them again for each client.
 * Both may write to the socket because neither splits a frame over several writes, and compression is off.
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
      // Of a connection that isn't read the client's answer would never be seen.
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

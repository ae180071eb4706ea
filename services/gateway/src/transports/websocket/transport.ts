import { type CloseReason, closeCodes } from '@rabble/contract'
import { described, sessionToken } from '@rabble/service'
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import type { Connection } from '../../sessions/connection.ts'
import type { SessionHost, Transport } from '../transport.ts'
import {
  compressMessages,
  isCleanClose,
  onFailure,
  reasonOf,
  SocketConnection,
  serveWebSockets,
} from '../web-sockets.ts'
import { acceptDeflate } from './deflate.ts'
import { compressingCodec, webSocketCodec } from './framing.ts'

/** The native protocol: one JSON object per text frame, at `/ws`. */
export const webSocketTransport: Transport = { name: 'websocket', register }

const schema = described({
  summary: 'Open a WebSocket',
  caller: 'anybody',
  answers: { 101: undefined },
  errors: ['unavailable'],
})

async function register(app: FastifyInstance, host: SessionHost): Promise<void> {
  await serveWebSockets(app, host)

  // Answers instead of a handshake: a proxy can try another gateway then. It would not see a close code.
  const onRequest: onRequestHookHandler = (request, _reply, done) => {
    const offer = request.headers['sec-websocket-extensions']
    const answer = host.compression ? acceptDeflate(offer) : undefined
    if (answer !== undefined) compressMessages(request, answer)
    done(host.refusal())
  }
  // Everything up to the handlers happens in this turn, so that a frame right behind the upgrade is not lost.
  app.get('/ws', { websocket: true, onRequest, schema }, (socket, request) => {
    const connection = new FrameConnection(socket, request.raw.socket, host.clock)
    const { origin, cookie } = request.headers
    const session = host.open(connection, {
      transport: webSocketTransport.name,
      origin,
      reached: request,
      address: request.ip,
      cookie: sessionToken(cookie, request.protocol),
    })
    if (session === undefined) return
    socket.on('message', (data, isBinary) =>
      host.receive(session, isBinary ? (data as Buffer) : data.toString()),
    )
    socket.on('pong', () => session.heardPong())
    // The library itself answers pings. A client that sends pings without reading the answers is a slow reader too.
    socket.on('ping', () => {
      session.heardPing()
      session.flush()
    })
    onFailure(socket, (error) => host.disconnected(session, reasonOf(error)))
    socket.on('close', (code) => host.disconnected(session, 'client', isCleanClose(code)))
  })
}

/** A connection whose codec encodes frames of the WebSocket. */
class FrameConnection extends SocketConnection implements Connection {
  readonly codec = this.socket.extensions === '' ? webSocketCodec : compressingCodec

  write(pieces: readonly Buffer[]): void {
    this.writeFrames(pieces)
  }

  close(reason: CloseReason, message: string): void {
    this.finish(closeCodes[reason].code, message)
  }
}

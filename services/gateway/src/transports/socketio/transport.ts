import { type CloseReason, RabbleError, type Ref } from '@rabble/contract'
import type { Socket as EngineSocket } from 'engine.io'
import type { FastifyInstance } from 'fastify'
import { type ExtendedError, Server, type Socket } from 'socket.io'
import type { Session } from '../../sessions/session.ts'
import type { SessionHost, Transport } from '../transport.ts'
import { frameOf } from './client-events.ts'
import { serveClientScripts } from './client-scripts.ts'
import { EngineConnection } from './connection.ts'
import { serveEngine } from './engine-server.ts'
import { enter, type Start } from './entry.ts'
import { createSocketIoCodec, encodeEvent } from './framing.ts'

/** Path of all requests. */
const path = '/socket.io/'

/** Maximum length of the name of a namespace. There is only `/`, and the name of any other one comes back in an error. */
const maxNamespace = 64

/** Errors for which the library of WebSockets closes the connection, each with the reason of the close code. */
const refused: Record<string, CloseReason> = {
  WS_ERR_INVALID_UTF8: 'notText',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'policy',
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'tooLarge',
}

/** Id of the acknowledgement that a client waits for. */
class AckId {
  readonly ref: Ref | undefined
  constructor(id: number) {
    this.ref = Number.isSafeInteger(id) && id >= 0 ? id : undefined
  }
}

interface Client {
  session: Session
  connection: EngineConnection
  /** Whether it enters just now, or has entered. */
  isEntering: boolean
  start?: Start
}

/** Socket.IO, with long polling and WebSockets of Engine.IO, versions 3 and 4. docs/protocol/socketio.md describes it. */
export const socketIoTransport: Transport = { name: 'socketio', register }

async function register(app: FastifyInstance, host: SessionHost): Promise<void> {
  const codec = createSocketIoCodec(host.lobby)
  const clients = new WeakMap<EngineSocket, Client>()
  serveClientScripts(app, path)
  const engine = await serveEngine(app, host, {
    name: socketIoTransport.name,
    path,
    open(socket, info, upgraded) {
      const connection = new EngineConnection(socket, {
        codec,
        clock: host.clock,
        upgraded,
        pinged: () => session !== undefined && watch(session, { type: 'ping' }),
      })
      const session = host.open(connection, info)
      if (session === undefined) return undefined
      clients.set(socket, { session, connection, isEntering: false })
      socket.on('packet', (packet) => watch(session, packet))
      socket.on('close', (reason: string, error?: Error) => {
        const { clean } = connection
        host.disconnected(session, closeReason(reason, connection.failure ?? error?.message), clean)
      })
      return connection
    },
  })

  // Comes after the handler above, which must know the connection before the library does.
  const io = new Server({ serveClient: false, connectTimeout: host.times.helloTimeout })
  io.bind(engine)

  io.use((socket, next) => {
    const client = clients.get(socket.conn)
    if (client === undefined || client.isEntering) {
      next(connectError(new RabbleError('bad-frame', 'this client is connecting already')))
      return
    }
    const { session, connection } = client
    client.isEntering = true
    enter(host, session, connection, socket.handshake).then(
      (start) => {
        client.start = start
        // The library of a client sends it when it connects again.
        Object.assign(socket, { pid: start.token ?? start.session })
        next()
      },
      (error: unknown) => {
        client.isEntering = false
        next(connectError(error))
      },
    )
  })

  io.on('connection', (socket) => {
    const client = clients.get(socket.conn)
    if (client?.start === undefined) return
    const { session, connection, start } = client
    takeAckIds(socket)
    socket.onAny((event: unknown, ...args: unknown[]) => {
      const last = args.at(-1)
      const ref = last instanceof AckId ? last.ref : undefined
      if (last instanceof AckId) args.pop()
      host.receive(session, frameOf(event, args, host.lobby, ref))
    })
    socket.on('disconnect', (reason) => {
      if (reason !== 'client namespace disconnect') return
      host.disconnected(session, 'client', true)
      connection.leave()
    })
    connection.enter(encodeEvent('start', start))
  })
}

/**
 * Lets the library hand over the ids of acknowledgements, not functions: replies are written without it, and many that are never
 * answered take no memory. The library's method is a private one. Its version is pinned.
 */
function takeAckIds(socket: Socket): void {
  Object.assign(socket, { ack: (id: number) => new AckId(id) })
}

/** Notes signs of life, and limits packets that are no frames. Binary data would be kept until all parts of a packet have come. */
function watch(session: Session, { type, data }: { type: string; data?: unknown }): void {
  if (type === 'pong') session.heardPong()
  else if (type !== 'message') session.heardPing()
  else if (typeof data !== 'string' || data.startsWith('5') || data.startsWith('6')) {
    session.close('policy', 'frames are text, not binary')
  } else if (!data.startsWith('2')) {
    session.heardPing()
    const comma = data.indexOf(',')
    if (data[1] === '/' && (comma < 0 ? data.length : comma) > maxNamespace) {
      session.close('policy', 'there is no such namespace')
    }
  }
  session.flush()
}

function closeReason(reason: string, failure: string | undefined): string {
  if (reason === 'transport close') return 'client'
  if (reason === 'ping timeout') return 'silent'
  if (failure === 'payload too large') return 'tooLarge'
  if (failure === 'too many chunks' || reason !== 'transport error') return 'policy'
  return refused[failure ?? ''] ?? 'failed'
}

function connectError(error: unknown): ExtendedError {
  const known =
    error instanceof RabbleError ? error : new RabbleError('unavailable', 'this could not be done')
  const { code, message, retryAfter } = known
  const data = { code, message, ...(retryAfter !== undefined && { retryAfter }) }
  return Object.assign(new Error(`${code}: ${message}`), { data })
}

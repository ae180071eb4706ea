import { type IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { RabbleError } from '@rabble/contract'
import { sessionToken } from '@rabble/service'
import { Server as Engine, type Socket as EngineSocket, type ServerOptions } from 'engine.io'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type WebSocket, WebSocketServer, type ServerOptions as WebSocketServerOptions } from 'ws'
import { answerWith, countAnswer, forward, forwardUpgrade, joinUpgraded, requestId } from '../forwarding.ts'
import { FrameProgress } from '../frame-progress.ts'
import { createSessionKey, elsewhere } from '../session-keys.ts'
import type { ClientInfo, SessionHost } from '../transport.ts'
import type { Upgraded } from './connection.ts'

/** Time (ms) that a client has to answer a close frame. */
const closeTimeout = 2_000
/** Minimum mean size (bytes) of the parts of a message of maximum size, and the number of parts that any message may have. */
const partBytes = 256
const minParts = 64

/** A session, as far as its requests need it. */
export interface EngineSession {
  /** Resolves when the packets of a request may be read. */
  reading(): Promise<void> | undefined
  /** Notes the response by which a poll will be answered. */
  polled(response: ServerResponse): void
}

/** The answer to the last poll of a session, and the id of the request. */
interface PollAnswer {
  id: string
  headers: OutgoingHttpHeaders
  body: string | Buffer
}

export interface EngineOptions {
  /** Name of the transport in metrics. */
  name: string
  /** Path, with a slash at the end. */
  path: string
  /** Opens a session. `upgraded` returns what is known of a WebSocket. Undefined: the connection was closed. */
  open(
    engine: EngineSocket,
    client: ClientInfo,
    upgraded: (socket: WebSocket) => Upgraded | undefined,
  ): EngineSession | undefined
  /** Options that differ from those of the gateway. */
  engine?: ServerOptions
}

/**
 * Serves Engine.IO at a path of Fastify's server, by Fastify's routes: what holds for all requests holds for these. A request for a
 * session of another gateway is passed on.
 */
export async function serveEngine(
  app: FastifyInstance,
  host: SessionHost,
  { name, path, open, engine: special }: EngineOptions,
): Promise<Engine> {
  const parts = Math.max(minParts, Math.ceil(host.limits.frameBytes / partBytes))
  const { heartbeat } = host.times
  const engine = new Engine({
    allowEIO3: true,
    pingInterval: heartbeat,
    pingTimeout: heartbeat,
    httpRequestBodyTimeout: heartbeat,
    maxHttpBufferSize: host.limits.frameBytes,
    maxBufferedChunks: parts,
    perMessageDeflate: false,
    httpCompression: false,
    wsEngine: class extends WebSocketServer {
      constructor(options: WebSocketServerOptions) {
        // @types/ws does not know these yet.
        super({ ...options, ...{ closeTimeout, maxFragments: parts } })
      }
    },
    ...special,
  })
  const keys = new WeakMap<IncomingMessage, string>()
  engine.generateId = (request: IncomingMessage) => {
    const key = createSessionKey(host.id)
    keys.set(request, key)
    return key
  }

  const clients = new WeakMap<IncomingMessage, ClientInfo>()
  const heads = new WeakMap<IncomingMessage, Buffer>()
  const upgrades = new WeakMap<WebSocket, Upgraded>()
  const sessions = new Map<string, EngineSession>()
  const answers = new WeakMap<EngineSession, PollAnswer>()
  /** Sockets of clients that are joined to another gateway. */
  const joined = new Set<Socket>()

  engine.on('connection', (socket: EngineSocket) => {
    const key = keys.get(socket.request)
    const client = clients.get(socket.request)
    const session = client && open(socket, client, (one) => upgrades.get(one))
    if (key === undefined || session === undefined) return
    sessions.set(key, session)
    socket.once('close', () => sessions.delete(key))
  })

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { raw } = request
    const given = request.query as Record<string, unknown>
    const { EIO: version, sid, j } = given
    const { origin, cookie } = request.headers
    const reached = { protocol: request.protocol, host: request.host }
    const head = heads.get(raw)
    if (!host.allows({ origin, reached })) throw new RabbleError('forbidden', 'this origin is not allowed')
    // The library takes all else for 3.
    if (version !== '3' && version !== '4') throw new RabbleError('bad-frame', 'EIO must be 3 or 4')
    // Any page could read the answers, without an Origin that tells.
    if (j !== undefined) throw new RabbleError('bad-frame', 'polling by JSONP is not possible here')
    // The library would read the query in another way, and find another session in it than this does, or none.
    Object.assign(raw, { _query: given })
    if (sid === undefined) {
      const refusal = host.refusal()
      if (refusal !== undefined) throw refusal
      const { ip: address } = request
      const token = sessionToken(cookie, request.protocol)
      clients.set(raw, { transport: name, origin, reached, address, cookie: token })
    } else {
      // The library takes an empty one for none.
      if (typeof sid !== 'string' || sid === '') throw new RabbleError('bad-frame', 'sid must be one id')
      if (raw.method !== 'GET' && raw.method !== 'POST')
        throw new RabbleError('bad-frame', 'GET and POST only')
      const url = await elsewhere(host, request, sid)
      if (url !== undefined) return passOn(request, reply, url, head)
      const session = sessions.get(sid)
      if (raw.method === 'POST') await session?.reading()
      else if (head === undefined && session !== undefined) {
        const id = requestId(request)
        const answer = answers.get(session)
        if (answer !== undefined && answer.id === id) {
          // A proxy has lost the answer. The library would give the next one.
          reply.hijack()
          reply.raw.writeHead(200, answer.headers).end(answer.body)
          return
        }
        if (id !== undefined) keepAnswer(reply.raw, (given) => answers.set(session, { id, ...given }))
        session.polled(reply.raw)
      }
      if (raw.destroyed) return
    }
    reply.hijack()
    if (head !== undefined) return upgrade(raw, reply.raw, head)
    for (const [header, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(header, value)
    }
    engine.handleRequest(raw as never, reply.raw as never)
  }

  function upgrade(
    raw: IncomingMessage & { websocket?: WebSocket },
    response: ServerResponse,
    head: Buffer,
  ): void {
    const tcp = raw.socket
    response.detachSocket(tcp)
    engine.handleUpgrade(raw as never, tcp, head)
    if (raw.websocket === undefined) return
    // The library has begun to listen, and nothing has come since.
    const progress = new FrameProgress()
    tcp.on('data', (chunk) => progress.read(chunk, host.clock.monotonic()))
    upgrades.set(raw.websocket, { tcp, progress })
  }

  async function passOn(
    request: FastifyRequest,
    reply: FastifyReply,
    url: string,
    head: Buffer | undefined,
  ): Promise<void> {
    const body = request.method === 'POST' ? request.raw : undefined
    const passed =
      head === undefined
        ? forward(request, reply, url, { body, wait: heartbeat }).then((answer) => ({
            answer,
            upgraded: undefined,
          }))
        : forwardUpgrade(request, url)
    const result = await countAnswer(passed, reply, (answered) => host.forwarded(name, answered))
    if (result === undefined) {
      const rule = 'the gateway of this session can not be reached'
      throw new RabbleError('unavailable', rule, { retryAfter: 1_000 })
    }
    const { answer, upgraded } = result
    if (head === undefined || upgraded === undefined) return answerWith(answer, reply)
    reply.hijack()
    const { socket } = request.raw
    reply.raw.detachSocket(socket)
    joined.add(socket)
    socket.once('close', () => joined.delete(socket))
    joinUpgraded(socket, head, answer, upgraded)
  }

  /** Sends a request for a WebSocket through Fastify, whose handler finds `head`, the bytes behind it. */
  function routeUpgrade(raw: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    if (host.closed) {
      socket.destroy()
      return
    }
    heads.set(raw, head)
    const response = new ServerResponse(raw)
    response.shouldKeepAlive = false
    try {
      response.assignSocket(socket)
    } catch {
      // An earlier request of this connection has no answer yet. Node has let go of the socket.
      socket.destroy()
      return
    }
    response.on('finish', () => socket.end(() => socket.destroy()))
    app.routing(raw, response)
  }

  app.addHook('onReady', async () => {
    // Those of other transports take every request.
    const others = app.server.listeners('upgrade')
    app.server.removeAllListeners('upgrade')
    app.server.on('upgrade', (raw, socket: Socket, head) => {
      if (raw.url?.split('?', 1)[0] === path) routeUpgrade(raw, socket, head)
      else if (others.length === 0)
        socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n', () => socket.destroy())
      else for (const other of others) other.call(app.server, raw, socket, head)
    })
  })
  app.addHook('preClose', async () => {
    for (const socket of joined) socket.destroy()
  })
  app.addHook('onClose', async () => void engine.close())

  await app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers()
    // The library reads the body.
    scope.addContentTypeParser('*', (_request, _body, done) => done(null))
    const method = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
    scope.route({ method, url: path, exposeHeadRoute: false, handler: handle })
    registered()
  })
  return engine
}

/** Calls `keep` with what the library answers to a poll. */
function keepAnswer(response: ServerResponse, keep: (answer: Omit<PollAnswer, 'id'>) => void): void {
  const { end } = response
  Object.assign(response, {
    end(body?: string | Buffer) {
      if (response.statusCode === 200 && body !== undefined) keep({ headers: response.getHeaders(), body })
      return end.call(response, body, 'utf8')
    },
  })
}

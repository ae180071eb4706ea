import { RabbleError } from '@rabble/contract'
import { bearerToken, sessionToken } from '@rabble/service'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { WebSocket } from 'ws'
import { answerWith, countAnswer, forward, requestId } from '../forwarding.ts'
import { elsewhere, gatewayOf, isSessionKey } from '../session-keys.ts'
import type { SessionHost, Transport } from '../transport.ts'
import { isCleanClose, limitMessages, onFailure, reasonOf, serveWebSockets } from '../web-sockets.ts'
import { createCalls } from './calls.ts'
import { HubClient } from './client.ts'
import { createCodecs } from './codec.ts'
import { EventWire, longestWait, PollWire } from './http-wire.ts'
import type { Hub } from './hub.ts'
import { createNegotiations } from './negotiation.ts'
import { ResumableWire } from './resumable-wire.ts'
import { SocketWire } from './socket-wire.ts'
import type { Wire } from './wire.ts'

/** Silence (ms) after which a client is sent a ping, as by the official server. */
const keepAliveInterval = 15_000
/** Time (ms) without a poll after which a connection is over. */
const returnTimeout = 15_000
/** Time (ms) that a client that has left has to read its last responses. */
const endTimeout = 2_000
/** Interval (ms) between checks of all connections. */
const checkInterval = 1_000
/** Maximum number of requests with messages, of one connection, that wait. */
const maxPosts = 8
/** Number of messages of the maximum size that a client may send as one: the official client puts together those that wait. */
const maxTogether = 8

/** The path of the hub, in any case: the official server does not distinguish them. */
const path = '/:hub(^[cC][hH][aA][tT][hH][uU][bB]$)'

/** The hub for clients of ASP.NET Core SignalR, at `/chathub`. docs/protocol/signalr.md describes it. */
export const signalrTransport: Transport = { name: 'signalr', register }

const { name } = signalrTransport

/** A connection over Server-Sent Events or long polling. */
interface HttpConnection {
  client: HubClient
  wire: EventWire | PollWire
  posts: number
  lastPost: Promise<void>
}

/** A connection over a WebSocket, whose client may go on with another one. */
interface Resumable {
  client: HubClient
  wire: ResumableWire
}

async function register(app: FastifyInstance, host: SessionHost): Promise<void> {
  await serveWebSockets(app, host)
  const { clock, limits } = host
  const bodyLimit = maxTogether * limits.frameBytes
  const calls = createCalls()
  const hub: Hub = { host, calls, codecs: createCodecs(calls), clients: new Set() }
  const negotiations = createNegotiations(host.id, clock)
  const connections = new Map<string, HttpConnection>()
  /** Connections over WebSockets by their keys, and the times (ms, by the clock's `monotonic`) since which some have no WebSocket. */
  const resumables = new Map<string, Resumable>()
  const lost = new Map<string, number>()
  const timer = clock.setInterval(check, checkInterval)
  app.addHook('onClose', async () => timer.cancel())

  function check(): void {
    for (const client of hub.clients) client.keepAlive(keepAliveInterval)
    for (const [key, since] of lost) {
      if (clock.monotonic() - since < returnTimeout) continue
      lost.delete(key)
      const known = resumables.get(key)
      known?.client.gone('client', false)
      known?.wire.terminate()
    }
    for (const [key, { client }] of resumables) if (client.isEnded) resumables.delete(key)
    for (const [key, { wire }] of connections) if (!wire.check()) end(key, false)
  }

  /** Ends a connection over requests. `clean` tells whether the client left on purpose. */
  function end(key: string, clean: boolean): void {
    const connection = connections.get(key)
    if (connection === undefined) return
    connections.delete(key)
    connection.client.gone('client', clean)
    const { wire } = connection
    if (clean) {
      wire.end()
      clock.setTimeout(() => wire.terminate(), endTimeout).unref()
    } else wire.terminate()
  }

  function begin(wire: Wire, request: FastifyRequest): HubClient | undefined {
    const info = {
      transport: name,
      origin: request.headers.origin,
      reached: request,
      address: request.ip,
      cookie: sessionToken(request.headers.cookie, request.protocol),
    }
    const client = new HubClient(hub, wire, info, accessToken(request))
    return client.open() ? client : undefined
  }

  /** Begins a connection over requests. @throws RabbleError if it may not, or the client has not negotiated */
  function beginHttp<W extends EventWire | PollWire>(request: FastifyRequest, key: string, wire: W): W {
    if (!negotiations.take(key)) throw unknownConnection()
    const refusal = host.refusal()
    if (refusal !== undefined) throw refusal
    const client = begin(wire, request)
    if (client === undefined) throw new RabbleError('forbidden', 'this origin is not allowed')
    connections.set(key, { client, wire, posts: 0, lastPost: Promise.resolve() })
    return wire
  }

  async function down(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const key = keyOf(request)
    if (await passOn(request, reply, key)) return
    const known = connections.get(key)
    if (request.headers.accept?.includes('text/event-stream')) {
      if (known !== undefined) throw new RabbleError('already-joined', 'this connection is there already')
      const wire = beginHttp(request, key, new EventWire(clock))
      reply.hijack()
      wire.attach(reply.raw, reply.getHeaders())
      reply.raw.on('close', () => end(key, false))
      return
    }
    const wire = known?.wire ?? beginHttp(request, key, new PollWire(clock, returnTimeout))
    if (!(wire instanceof PollWire)) throw new RabbleError('bad-frame', 'this connection has no polls')
    known?.client.session?.heard()
    reply.hijack()
    wire.poll(reply.raw, reply.getHeaders(), requestId(request))
    // The first poll begins the connection, and brings nothing.
    if (known === undefined) wire.ping()
  }

  async function up(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const key = keyOf(request)
    const body = request.body as Buffer | undefined
    if (await passOn(request, reply, key, body)) return
    const connection = connections.get(key)
    if (connection === undefined || connection.client.isEnded) throw unknownConnection()
    if (connection.posts >= maxPosts) {
      const rule = `no more than ${maxPosts} requests of a connection at a time`
      throw new RabbleError('rate-limited', rule, { retryAfter: 1_000 })
    }
    connection.posts++
    connection.lastPost = connection.lastPost.then(async () => {
      await connection.wire.reading()
      connection.posts--
      if (body !== undefined) connection.client.receive(body)
    })
    await connection.lastPost
    await reply.code(200).type('text/plain').send()
  }

  async function leave(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const key = keyOf(request)
    if (await passOn(request, reply, key)) return
    if (!connections.has(key)) throw unknownConnection()
    end(key, true)
    await reply.code(202).type('text/plain').send()
  }

  /** Passes a request on to the gateway that has the connection. Returns false if that is this one. */
  async function passOn(
    request: FastifyRequest,
    reply: FastifyReply,
    key: string,
    body?: Buffer,
  ): Promise<boolean> {
    const url = await elsewhere(host, request, key)
    if (url === undefined) return false
    const passed = forward(request, reply, url, { body, wait: longestWait })
    const answer = await countAnswer(passed, reply, (answered) => host.forwarded(name, answered))
    if (answer === undefined) {
      const rule = 'the gateway of this connection can not be reached'
      throw new RabbleError('unavailable', rule, { retryAfter: 1_000 })
    }
    answerWith(answer, reply)
    return true
  }

  /** Returns the connection with this key, if the client may go on with another WebSocket. */
  function resumable(key: string): Resumable | undefined {
    const known = resumables.get(key)
    return known?.wire.isResumable ? known : undefined
  }

  /** Begins a connection over a WebSocket, or goes on with one. */
  function attach(socket: WebSocket, request: FastifyRequest): void {
    const { id } = request.query as { id?: unknown }
    const key = typeof id === 'string' ? id : undefined
    const part = new SocketWire(socket, request.raw.socket, clock)
    const known = key === undefined ? undefined : resumable(key)
    const wire = known?.wire ?? new ResumableWire(part)
    const client = known?.client ?? begin(wire, request)
    const over = (reason: string, clean: boolean) => {
      if (client === undefined || !wire.lose(part)) return
      if (key !== undefined && resumable(key) !== undefined && !clean) {
        lost.set(key, clock.monotonic())
        return
      }
      if (key !== undefined) resumables.delete(key)
      client.gone(reason, clean)
      // Nobody will acknowledge what the client was sent.
      wire.terminate()
    }
    onFailure(socket, (error) => over(reasonOf(error), false))
    if (client === undefined) return
    if (known !== undefined) {
      lost.delete(key ?? '')
      client.session?.heard()
      wire.goOn(part)
    } else if (key !== undefined) resumables.set(key, { client, wire })
    socket.on('message', (data) => client.receive(data as Buffer))
    socket.on('pong', () => client.session?.heardPong())
    socket.on('ping', () => {
      client.session?.heardPing()
      client.session?.flush()
    })
    socket.on('close', (code) => over('client', isCleanClose(code)))
  }

  // Answers instead of a handshake: a proxy can try another gateway then.
  const beforeSocket: onRequestHookHandler = (request, _reply, done) => {
    if (!request.ws) return done()
    limitMessages(request, bodyLimit)
    const { id } = request.query as { id?: unknown }
    if (typeof id === 'string') {
      if (resumable(id) !== undefined) return done()
      // A WebSocket needs nothing of the negotiation, so any gateway may take that of another one.
      const isMine = gatewayOf(id) === host.id
      const isFree = isMine ? negotiations.take(id) : isSessionKey(id) && !resumables.has(id)
      if (!isFree) return done(unknownConnection())
    }
    return done(host.refusal())
  }

  await app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser<Buffer>('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) =>
      done(null, body),
    )
    scope.post(`${path}/negotiate`, { bodyLimit: 1024 }, async (request) => {
      const refusal = host.refusal()
      if (refusal !== undefined) throw refusal
      const { useStatefulReconnect: stateful } = request.query as { useStatefulReconnect?: unknown }
      return negotiations.negotiate(versionOf(request), stateful === 'true')
    })
    for (const url of [path, `${path}/`]) {
      scope.route({
        method: 'GET',
        url,
        exposeHeadRoute: false,
        onRequest: beforeSocket,
        handler: down,
        wsHandler: (socket, request) => attach(socket, request),
      })
      scope.post(url, { bodyLimit }, up)
      scope.delete(url, leave)
    }
    registered()
  })
}

function versionOf({ query }: FastifyRequest): number {
  const { negotiateVersion } = query as { negotiateVersion?: unknown }
  return typeof negotiateVersion === 'string' && /^\d{1,4}$/.test(negotiateVersion)
    ? Number(negotiateVersion)
    : 0
}

/** Returns the secret key of a connection. @throws RabbleError `bad-frame` if there is none, `not-found` if it is none of ours */
function keyOf({ query }: FastifyRequest): string {
  const { id } = query as { id?: unknown }
  if (typeof id !== 'string' || id === '') throw new RabbleError('bad-frame', 'a connection needs its id')
  if (!isSessionKey(id)) throw unknownConnection()
  return id
}

/** Returns the token of a request. Browsers can't set headers of WebSockets and event streams. */
function accessToken({ headers, query }: FastifyRequest): string | undefined {
  const { access_token: token } = query as { access_token?: unknown }
  const given = bearerToken(headers.authorization) ?? (typeof token === 'string' ? token : '')
  return given === '' ? undefined : given
}

function unknownConnection(): RabbleError {
  return new RabbleError('not-found', 'there is no connection with this id')
}

import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { RabbleError } from '@rabble/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { answerWith, countAnswer, forward, wasForwarded } from '../forwarding.ts'
import { elsewhere } from '../session-keys.ts'
import type { SessionHost, Transport } from '../transport.ts'
import type { StreamConnection } from './connection.ts'
import { parseId } from './framing.ts'
import { longestWait, type SessionSchemas, sessionSchemas } from './schemas.ts'
import { createStreamSessions, type StreamSession } from './stream-sessions.ts'

/**
 * Server-Sent Events: frames come over a response that stays open, at `/sse`, and go up by POST.
 * docs/protocol/event-stream.md describes it and long polling.
 */
export const sseTransport: Transport = {
  name: 'sse',
  register: (app, host) =>
    register(app, host, {
      name: 'sse',
      path: '/sse',
      schemas: sessionSchemas('an event stream'),
      waitOf: () => undefined,
    }),
}

/** Long polling: each response ends after the first frames, at `/poll`. */
export const pollingTransport: Transport = {
  name: 'polling',
  register: (app, host) =>
    register(app, host, {
      name: 'polling',
      path: '/poll',
      schemas: sessionSchemas('a polled session', { polled: true }),
      waitOf: pollWait,
    }),
}

function pollWait({ query }: FastifyRequest): number {
  const { wait } = query as { wait?: unknown }
  const asked = typeof wait === 'string' && /^\d{1,5}$/.test(wait) ? Number(wait) : longestWait
  return Math.min(asked, longestWait)
}

interface Variant {
  name: string
  path: string
  schemas: SessionSchemas
  /** Returns how long (ms) the response to a request waits for frames. Undefined: it stays open. */
  waitOf(request: FastifyRequest): number | undefined
}

async function register(app: FastifyInstance, host: SessionHost, variant: Variant): Promise<void> {
  const { name, path, waitOf, schemas } = variant
  const sessions = createStreamSessions(host, name)
  app.addHook('onClose', async () => sessions.close())

  /** Passes a request on. Resolves with undefined if there is no answer. */
  function passOn(...parts: Parameters<typeof forward>): Promise<IncomingMessage | undefined> {
    return countAnswer(forward(...parts), parts[1], (answered) => host.forwarded(name, answered))
  }

  async function down(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const position = parseId(request.headers['last-event-id'])
    if (position !== undefined && (await goOn(request, reply, position))) return
    if (reply.raw.destroyed) {
      // The client has gone meanwhile: nobody would use another session.
      reply.hijack()
      return
    }
    if (wasForwarded(request)) throw sessionOver()
    const refusal = host.refusal()
    if (refusal !== undefined) throw refusal
    const opened = sessions.open(request)
    if (opened === undefined) throw new RabbleError('forbidden', 'this origin is not allowed')
    attach(opened.connection, 0, request, reply)
  }

  /** Continues a session, here or at its gateway. Returns false if it is over, and was not told so. */
  async function goOn(
    request: FastifyRequest,
    reply: FastifyReply,
    { key, number }: { key: string; number: number },
  ): Promise<boolean> {
    const url = await elsewhere(host, request, key)
    if (url !== undefined) {
      const answer = await passOn(request, reply, url, { wait: waitOf(request) })
      if (answer === undefined || answer.statusCode === 404 || reply.raw.destroyed) {
        answer?.resume()
        return false
      }
      answerWith(answer, reply)
      return true
    }
    const known = sessions.find(key)
    if (known === undefined) return false
    const { connection, session } = known
    if (connection.isOver(number)) {
      await reply.code(204).send()
      return true
    }
    if (!connection.holds(number)) {
      sessions.end(known, false)
      return false
    }
    session.heard()
    attach(connection, number, request, reply)
    return true
  }

  function attach(
    connection: StreamConnection,
    number: number,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    reply.hijack()
    connection.attach(reply.raw, reply.getHeaders() as OutgoingHttpHeaders, number, waitOf(request))
  }

  async function up(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const body = request.body as Buffer | undefined
    const known = await find(request, reply, body)
    if (known === undefined) return
    if (body === undefined || !isUtf8(body)) {
      throw new RabbleError('bad-frame', 'the body must be frames in UTF-8')
    }
    await known.take(body.toString(), (line) => host.receive(known.session, line))
    await reply.code(204).send()
  }

  async function leave(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const known = await find(request, reply)
    if (known === undefined) return
    sessions.end(known, true)
    await reply.code(204).send()
  }

  /**
   * Returns the session that a request names, and notes what has arrived. Returns undefined if another gateway has answered.
   * @throws RabbleError `not-found` if it is over, `unavailable` if its gateway can't be reached, `bad-frame` if none is named
   */
  async function find(
    request: FastifyRequest,
    reply: FastifyReply,
    body?: Buffer,
  ): Promise<StreamSession | undefined> {
    const position = parseId(request.headers['last-event-id'])
    if (position === undefined) throw new RabbleError('bad-frame', 'Last-Event-ID must name the session')
    const url = await elsewhere(host, request, position.key)
    if (url !== undefined) {
      const answer = await passOn(request, reply, url, { body })
      if (answer === undefined) {
        const rule = 'the gateway of this session can not be reached'
        throw new RabbleError('unavailable', rule, { retryAfter: 1_000 })
      }
      answerWith(answer, reply)
      return undefined
    }
    const known = sessions.find(position.key)
    if (known === undefined) throw sessionOver()
    known.connection.arrived(position.number)
    known.session.heard()
    return known
  }

  await app.register((scope, _options, registered) => {
    const bodyLimit = host.limits.frameBytes + 1
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser<Buffer>('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) =>
      done(null, body),
    )
    scope.get(path, { ...schemas.receive, exposeHeadRoute: false }, down)
    scope.post(path, { ...schemas.send, bodyLimit }, up)
    scope.delete(path, schemas.end, leave)
    registered()
  })
}

function sessionOver(): RabbleError {
  return new RabbleError('not-found', 'this session is over')
}

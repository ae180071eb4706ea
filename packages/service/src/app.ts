import { isUtf8 } from 'node:buffer'
import { type Clock, systemClock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Logger } from 'pino'
import { allowOrigins } from './cors.ts'
import { traceFields } from './logger.ts'
import type { Origins } from './origin.ts'
import { spanOf, traceRequests } from './tracing/requests.ts'
import type { Tracing } from './tracing/tracing.ts'

/** Time limit (ms) of requests in progress when the service stops. */
const closeTimeout = 3_000
/** Maximum interval (ms) between checks for requests that arrive too slowly. */
const checkingInterval = 5_000

/**
 * Creates a Fastify instance for a service, with Rabble's error format and one line of log for each request.
 * `trustedProxies` is a list of addresses and networks, separated by commas: their forwarded client addresses are believed. Pages
 * of `allowedOrigins` may use the paths below `/api/`. A request must arrive completely within `requestTimeout` (ms; default:
 * 30,000), otherwise one that sends a byte now and then would never end.
 */
export function createApp(options: {
  logger: Logger
  trustedProxies?: string
  allowedOrigins?: Origins
  requestTimeout?: number
  /** Default: requests are not traced. */
  tracing?: Tracing
  clock?: Clock
}): FastifyInstance {
  const { allowedOrigins, requestTimeout = 30_000, tracing, clock = systemClock } = options
  const app = Fastify({
    ...(options.trustedProxies && { trustProxy: options.trustedProxies }),
    loggerInstance: options.logger,
    logController: new RequestLog(),
    bodyLimit: 64 * 1024,
    requestTimeout,
    http: {
      requestTimeout,
      headersTimeout: requestTimeout,
      connectionsCheckingInterval: Math.min(checkingInterval, requestTimeout),
    },
    // A request in progress may end; an idle connection is closed at once.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 512 },
  })
  if (tracing !== undefined) traceRequests(app as unknown as FastifyInstance, tracing, clock)
  // Other services compare their clocks with this one.
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('date', new Date(clock.now()).toUTCString())
    done()
  })
  // Node counts a connection that never sent anything as busy, and would wait for it: real requests get only a moment.
  app.addHook('preClose', (done) => {
    clock.setTimeout(() => app.server.closeAllConnections(), closeTimeout).unref()
    done()
  })
  // Comes before all routes, so that pages can read refusals and errors too.
  if (allowedOrigins !== undefined) allowOrigins(app as unknown as FastifyInstance, allowedOrigins)
  // A buffer, since a string would turn all invalid UTF-8 into U+FFFD: different names would be the same.
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (isUtf8(body)) void parseJson(request, body.toString(), done)
    else done(new RabbleError('bad-frame', 'the body must be JSON in UTF-8'))
  })
  // Schemas of answers only describe them: an answer is sent as it is.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ statusCode: 404, code: 'not-found', message: `no ${request.method} here` }),
  )
  return app as unknown as FastifyInstance
}

/** Answers errors as `{statusCode, code, message}`. The client is told its own errors; the service's errors are logged. */
function answerError(
  error: FastifyError | RabbleError,
  request: { log: { error(fields: object, message: string): void } },
  reply: {
    code(status: number): { header(name: string, value: string): unknown; send(body: object): unknown }
  },
) {
  const statusCode = error.statusCode ?? 500
  if (error instanceof RabbleError) {
    const answer = reply.code(statusCode)
    if (error.retryAfter !== undefined)
      answer.header('retry-after', String(Math.ceil(error.retryAfter / 1000)))
    return answer.send({ statusCode, code: error.code, message: error.message })
  }
  if (statusCode >= 500) {
    request.log.error({ err: error }, 'a request failed')
    return reply
      .code(statusCode)
      .send({ statusCode, code: 'internal-error', message: 'an unexpected error occurred' })
  }
  const code = statusCode === 413 ? 'too-large' : statusCode === 429 ? 'rate-limited' : 'bad-frame'
  return reply.code(statusCode).send({ statusCode, code, message: error.message })
}

/** Logs each request once: when its answer has been sent, or its client has gone. Query strings and headers may hold tokens. */
class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const { method, ip } = request
    const path = request.url.split('?', 1)[0]
    const trace = traceFields(spanOf(request))
    const line = { method, path, status: reply.statusCode, ms: Math.round(reply.elapsedTime), ip, ...trace }
    if (error) reply.log.error({ ...line, err: error }, 'request failed')
    else reply.log.info(line, 'request')
  }
}

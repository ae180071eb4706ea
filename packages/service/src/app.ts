import { isUtf8 } from 'node:buffer'
import { once } from 'node:events'
import { type Clock, systemClock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import { type DestinationStream, type Logger, pino } from 'pino'
import { allowOrigins } from './cors.ts'
import type { Origins } from './origin.ts'

export type { Logger } from 'pino'

/** Creates a logger of JSON lines. Default: on standard output. Tokens, message texts and query strings must not be logged. */
export function createLogger(name: string, level = 'info', destination?: DestinationStream): Logger {
  const options = { name, level, base: { pid: process.pid, name }, serializers: { err: describeError } }
  return pino(options, destination ?? standardOutput())
}

let output: ReturnType<typeof pino.destination> | undefined
let readerHasGone = false

/** Returns the destination of all loggers of this process. */
function standardOutput(): DestinationStream {
  output ??= pino.destination(1).on('error', () => {
    readerHasGone = true
  })
  return output
}

/**
 * Ends the log on standard output, before the process exits. Resolves when all of it is written, or can't be because its reader has
 * gone: at the exit, sonic-boom 4.2 would repeat such a write for ever.
 */
export async function endLog(): Promise<void> {
  if (output === undefined || readerHasGone) return
  output.end()
  await once(output, 'close').catch(() => {})
}

/**
 * Returns the parts of an error for the log. pino would write all properties, but database drivers attach statements with their
 * parameters, which are message texts.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const { name: type, message, stack, cause } = error
  return {
    type,
    ...('code' in error && { code: error.code }),
    message,
    stack,
    ...(cause !== undefined && { cause: describeError(cause) }),
  }
}

/** Time limit (ms) of requests in progress when the service stops. */
const closeTimeout = 3_000
/** Maximum interval (ms) between checks for requests that arrive too slowly. */
const checkingInterval = 5_000

/**
 * Creates a Fastify instance for a service, with Rabble's error format, and logs without query strings and headers.
 * `trustedProxies` is a list of addresses and networks, separated by commas: their forwarded client addresses are believed. Pages
 * of `allowedOrigins` may use the paths below `/api/`. A request must arrive completely within `requestTimeout` (ms; default:
 * 30,000), otherwise one that sends a byte now and then would never end.
 */
export function createApp(options: {
  logger: Logger
  trustedProxies?: string
  allowedOrigins?: Origins
  requestTimeout?: number
  clock?: Clock
}): FastifyInstance {
  const { allowedOrigins, requestTimeout = 30_000, clock = systemClock } = options
  const app = Fastify({
    ...(options.trustedProxies && { trustProxy: options.trustedProxies }),
    loggerInstance: options.logger.child(
      {},
      {
        serializers: {
          req: (request: { method: string; url: string; ip?: string }) => ({
            method: request.method,
            path: request.url.split('?', 1)[0],
            ip: request.ip,
          }),
        },
      },
    ),
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

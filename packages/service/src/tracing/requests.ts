import { systemClock } from '@rabble/clock'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TokenBucket } from '../token-bucket.ts'
import type { Span, Tracing } from './tracing.ts'

/** Maximum number of requests a second from outside that are traced because their caller says so: anybody can send the header. */
const callersPerSecond = 10

/** Header `traceparent` of a caller that traces the request itself: the last bit of its flags is set. */
const sampled = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f][13579bdf]/

const spans = new WeakMap<FastifyRequest, Span>()

/** Returns the span of a request, which may have ended; undefined if it is not traced. */
export function spanOf(request: FastifyRequest): Span | undefined {
  return spans.get(request)
}

/**
 * Traces the requests for `/api/` and `/internal/`. Those of transports last for hours, and their frames have spans of their own. Those
 * of services are traced as parts of what their callers trace.
 */
export function traceRequests(app: FastifyInstance, tracing: Tracing, clock = systemClock): void {
  const callers = new TokenBucket(callersPerSecond, callersPerSecond, clock.monotonic())

  function begin({ method, headers, routeOptions: { url: route } }: FastifyRequest): Span | undefined {
    if (route === undefined) return undefined
    const isInternal = route.startsWith('/internal/')
    if (!isInternal && !route.startsWith('/api/')) return undefined
    const header = typeof headers.traceparent === 'string' ? headers.traceparent : undefined
    if (isInternal && header === undefined && tracing.current() === undefined) return undefined
    const counts = isInternal || !sampled.test(header ?? '') || callers.take(clock.monotonic()) === 0
    const attributes = { 'http.request.method': method, 'http.route': route }
    return tracing.begin(`${method} ${route}`, 'server', attributes, counts ? header : undefined)
  }

  /** Goes on as the span of the request, if it has one. Its body is parsed in the course of its connection, and not in that of the hook before. */
  function goOn(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
    const span = spans.get(request)
    if (span === undefined) done()
    else tracing.within(span, done)
  }

  app.addHook('onRequest', (request, reply, done) => {
    const span = begin(request)
    if (span !== undefined) spans.set(request, span)
    goOn(request, reply, done)
  })
  app.addHook('preValidation', goOn)
  app.addHook('onResponse', (request, { statusCode }, done) => {
    const span = spans.get(request)
    span?.set({ 'http.response.status_code': statusCode })
    // An error of the client is none of the server.
    span?.end(statusCode >= 500 ? String(statusCode) : undefined)
    done()
  })
}

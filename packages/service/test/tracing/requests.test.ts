import { createManualClock } from '@rabble/clock/manual'
import { type OtlpReceiver, startOtlpReceiver } from '@rabble/harness'
import t, { type Test } from 'tap'
import { createApp } from '../../src/app.ts'
import { httpCall } from '../../src/http-call.ts'
import { build } from './build.ts'

const caller = (n: number, flags = '01') => `00-${String(n).padStart(32, '0')}-00000000000000aa-${flags}`

/** Starts a service that asks another one, both traced. */
async function buildServices(t: Test, collector: OtlpReceiver, env: Record<string, string> = {}) {
  const clock = createManualClock()
  const own = await build(t, collector, env)
  const other = await build(t, collector, env)
  const asked = createApp({ logger: other.logger, tracing: other.tracing })
  const headers: unknown[] = []
  asked.post<{ Params: { room: string } }>('/internal/rooms/:room/known', async (request) => {
    headers.push(request.headers.traceparent)
    other.logger.info('asked')
    return {}
  })
  const url = await asked.listen({ port: 0, host: '127.0.0.1' })
  const app = createApp({ logger: own.logger, tracing: own.tracing, clock })
  app.post<{ Params: { user: string } }>('/api/users/:user/ask', async (_request, reply) => {
    const { signal } = new AbortController()
    const call = { method: 'POST', headers: {}, tracing: own.tracing, signal } as const
    await httpCall(new URL('/internal/rooms/dm%3Aada%3Abob/known', url), call)
    own.logger.info('has asked')
    return reply.code(202).send({})
  })
  app.get('/api/broken', async () => {
    throw new Error('a secret text')
  })
  app.get('/livez', async () => ({}))
  t.teardown(() => Promise.all([app.close(), asked.close()]))
  const ask = (traceparent?: string) =>
    app.inject({
      method: 'POST',
      url: '/api/users/ada/ask?token=secret',
      headers: { ...(traceparent && { traceparent }), authorization: 'Bearer secret' },
      payload: { text: 'a secret text' },
    })
  /** Ends all requests, and sends their spans. */
  const end = async () => {
    await Promise.all([app.close(), asked.close()])
    await Promise.all([own.tracing.close(), other.tracing.close()])
  }
  return { app, ask, clock, headers, end, own, other }
}

t.test('a request and the call made for it are one trace, and lines of the log name it', async (t) => {
  const collector = await startOtlpReceiver(t)
  const { ask, own, other, end } = await buildServices(t, collector)
  await ask()
  await end()
  const { spans } = collector
  t.match(
    spans.map(({ name, kind, attributes }) => ({ name, kind, attributes })),
    [
      {
        name: 'POST 127.0.0.1',
        kind: 'client',
        attributes: { 'http.request.method': 'POST', 'http.response.status_code': 200 },
      },
      {
        name: 'POST /api/users/:user/ask',
        kind: 'server',
        attributes: { 'http.route': '/api/users/:user/ask', 'http.response.status_code': 202 },
      },
      {
        name: 'POST /internal/rooms/:room/known',
        kind: 'server',
        attributes: { 'http.route': '/internal/rooms/:room/known', 'http.response.status_code': 200 },
      },
    ].sort((a, b) => names(spans).indexOf(a.name) - names(spans).indexOf(b.name)),
  )
  const [root, call, answer] = [
    'POST /api/users/:user/ask',
    'POST 127.0.0.1',
    'POST /internal/rooms/:room/known',
  ].map((wanted) => spans.find(({ name }) => name === wanted))
  t.equal(root?.parentSpanId, undefined)
  t.equal(call?.parentSpanId, root?.spanId)
  t.equal(answer?.parentSpanId, call?.spanId)
  const traceIds = [...new Set(spans.map(({ traceId }) => traceId))]
  t.equal(traceIds.length, 1)
  const [trace_id] = traceIds
  t.match(own.lines(), [
    { msg: 'has asked', trace_id },
    { msg: 'request', trace_id },
  ])
  t.match(other.lines().slice(1), [
    { msg: 'asked', trace_id },
    { msg: 'request', trace_id },
  ])
  t.match(root?.resource, { 'service.name': 'rabble-test', 'service.instance.id': 'test-1' })
  for (const body of collector.bodies) t.notMatch(body, /secret|ada|bob/)
})

const names = (spans: OtlpReceiver['spans']) => spans.map(({ name }) => name)

t.test(
  'a failed request is marked, without what it failed with, and checks of operators are no spans',
  async (t) => {
    const collector = await startOtlpReceiver(t)
    const { app, end } = await buildServices(t, collector)
    await app.inject('/api/broken')
    await app.inject('/livez')
    await app.inject('/api/nowhere')
    await end()
    t.match(collector.spans, [
      { name: 'GET /api/broken', isError: true, attributes: { 'error.type': '500' } },
    ])
    t.equal(collector.spans.length, 1)
    for (const body of collector.bodies) t.notMatch(body, /secret/)
  },
)

t.test('a caller decides whether its request is traced, but strangers only ten times a second', async (t) => {
  const collector = await startOtlpReceiver(t)
  const env = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }
  const { ask, clock, headers, end } = await buildServices(t, collector, env)
  await ask()
  await ask(caller(1, '00'))
  await ask('00-nonsense-01')
  t.same(headers, [undefined, undefined, undefined])
  for (let n = 1; n <= 12; n++) await ask(caller(n))
  await clock.advance(100)
  await ask(caller(13))
  await end()
  const roots = collector.spans.filter(({ name }) => name === 'POST /api/users/:user/ask')
  t.same(
    roots.map(({ traceId, parentSpanId }) => [Number(traceId), parentSpanId]),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13].map((n) => [n, '00000000000000aa']),
  )
  t.equal(collector.spans.length, 33)
})

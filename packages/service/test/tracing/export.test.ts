import { execFileSync } from 'node:child_process'
import { createManualClock } from '@rabble/clock/manual'
import { startOtlpReceiver, until } from '@rabble/harness'
import t from 'tap'
import { readSettings } from '../../src/read-settings.ts'
import { build } from './build.ts'

t.test('a collector that refuses costs its spans and one line, and gets the next ones', async (t) => {
  const collector = await startOtlpReceiver(t)
  const { tracing, lines, counted } = await build(t, collector)
  const failing = (response: Parameters<typeof collector.answer>[0]) => void response.writeHead(400).end()
  const { answer } = collector
  collector.answer = failing
  for (const failed of [1, 2]) {
    tracing.begin('work', 'server', {})?.end()
    await counted('failed', failed)
  }
  collector.answer = answer
  tracing.begin('work', 'server', {})?.end()
  await counted('sent', 1)
  t.match(
    lines().map(({ level, msg }) => [level, msg]),
    [
      ['warn', /^traces can’t be sent/],
      ['info', 'traces reach the collector again'],
    ],
  )
  t.equal(lines().length, 2)
})

t.test('spans wait for a collector that does not answer, but no more than 2048', async (t) => {
  const collector = await startOtlpReceiver(t)
  const held: (() => void)[] = []
  const { answer } = collector
  collector.answer = (response) => void held.push(() => answer(response))
  const { tracing, spansWith, counted } = await build(t, collector)
  for (let n = 0; n < 5000; n++) tracing.begin('work', 'server', {})?.end()
  t.equal(await spansWith('dropped'), 5000 - 2048)
  await until(() => held.length > 0, 30_000, 'the first of them to arrive')
  collector.answer = answer
  for (const release of held) release()
  await counted('sent', 2048)
  tracing.begin('work', 'server', {})?.end()
  await counted('sent', 2049)
  t.equal(await spansWith('dropped'), 5000 - 2048)
})

t.test('a process that stops waits two seconds at most for a collector that is slow', async (t) => {
  const collector = await startOtlpReceiver(t)
  const { answer } = collector
  let late = () => {}
  collector.answer = (response) => {
    late = () => answer(response)
  }
  const clock = createManualClock()
  const { tracing } = await build(t, collector, {}, clock)
  tracing.begin('work', 'server', {})?.end()
  let isClosed = false
  void tracing.close().then(() => {
    isClosed = true
  })
  await until(() => collector.bodies.length > 0, 30_000, 'the last spans')
  await clock.advance(1_999)
  t.notOk(isClosed)
  await clock.advance(1)
  await new Promise(setImmediate)
  t.ok(isClosed)
  // Otherwise the exporter would try again, and keep this process.
  late()
})

t.test('the standard variables are followed', async (t) => {
  const collector = await startOtlpReceiver(t)
  const { tracing } = await build(
    t,
    { url: `${collector.url}/` },
    {
      OTEL_SERVICE_NAME: 'chat',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging, team=a%20b',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret==, x-scope=1',
    },
  )
  tracing.begin('work', 'server', {})?.end()
  await tracing.close()
  t.match(collector.headers, [{ 'api-key': 'secret==', 'x-scope': '1' }])
  const resource = { 'service.name': 'chat', 'deployment.environment.name': 'staging', team: 'a b' }
  t.match(collector.spans, [{ resource }])
  const names = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_TRACES_SAMPLER', 'OTEL_TRACES_SAMPLER_ARG'] as const
  t.throws(
    () => readSettings({ OTEL_EXPORTER_OTLP_HEADERS: 'a secret', OTEL_TRACES_SAMPLER_ARG: '2' }, names),
    {
      message:
        /^OTEL_EXPORTER_OTLP_HEADERS must be pairs [^"]*\nOTEL_TRACES_SAMPLER_ARG must be <= 1, but is "2"$/,
    },
  )
})

t.test('of new traces one in a hundred is sampled, and a span follows none that is not', async (t) => {
  const collector = await startOtlpReceiver(t)
  const { tracing } = await build(t, collector, { OTEL_TRACES_SAMPLER: '' })
  let sampled = 0
  for (let n = 0; n < 20_000; n++) if (tracing.begin('work', 'server', {}) !== undefined) sampled++
  t.ok(sampled > 100 && sampled < 300, `${sampled} of 20,000`)
  t.equal(tracing.follow(`00-${'1'.repeat(32)}-${'1'.repeat(16)}-00`, 'deliver', 'consumer', {}), undefined)
  t.equal(tracing.follow('nonsense', 'deliver', 'consumer', {}), undefined)
})

t.test('work that outlives its span is a part of no trace', async (t) => {
  const collector = await startOtlpReceiver(t)
  const { tracing } = await build(t, collector)
  const span = tracing.begin('work', 'server', {})
  let parts: unknown[] = []
  let later: Promise<void> | undefined
  await tracing.during(span, async () => {
    parts = [tracing.part('call', 'client', {}), tracing.current()?.traceId]
    later = new Promise((resolve) => setTimeout(resolve, 50)).then(() => {
      parts.push(tracing.part('call', 'client', {}), tracing.current())
    })
  })
  await later
  t.ok(parts[0])
  t.same(parts.slice(1), [span?.traceId, undefined, undefined])
})

t.test('nothing of the SDK is loaded while there is no collector', async (t) => {
  const loadedWith = (env: Record<string, string>) => {
    const service = new URL('../../src/ground.js', import.meta.url)
    const script = `
      import { createRequire } from 'node:module'
      const { createGround, groundSettings } = await import('${service}')
      const { readSettings } = await import('${new URL('../../src/read-settings.js', import.meta.url)}')
      const { app } = await createGround('test', readSettings(process.env, groundSettings))
      await app.close()
      const { cache } = createRequire('${service}')
      console.log(Object.keys(cache).filter((path) => /@opentelemetry.(?!api\\b)/.test(path)).length)`
    const args = ['--input-type=module', '--eval', script]
    return Number(execFileSync(process.execPath, args, { env, encoding: 'utf8' }))
  }
  t.equal(loadedWith({}), 0)
  t.ok(loadedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }) > 10)
})

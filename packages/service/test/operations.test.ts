import { checkDocumented } from '@rabble/harness'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { createApp } from '../src/app.ts'
import { watchClocks } from '../src/clock-watch.ts'
import { nameProcess } from '../src/ground.ts'
import { logConnected } from '../src/log-config.ts'
import { operations, type ReadinessCheck } from '../src/operations.ts'
import { countSpans } from '../src/tracing/export.ts'

/** Creates a service with these checks. */
function build(t: Test, checks: Record<string, ReadinessCheck>) {
  const app = createApp({ logger: pino({ level: 'silent' }) })
  const registry = new Registry()
  operations(app, { registry, checks })
  t.teardown(() => app.close())
  return {
    registry,
    metrics: async () => (await app.inject('/metrics')).body,
    healthz: async () => (await app.inject('/healthz')).statusCode,
    readyz: async () => {
      const { statusCode, body } = await app.inject('/readyz')
      return { statusCode, ...(JSON.parse(body) as { checks: Record<string, string> }) }
    },
  }
}

t.test('docs/operations.md lists exactly the metrics that all services have', async (t) => {
  const { registry } = build(t, {})
  nameProcess(registry, { service: 'rooms', name: 'host' })
  logConnected({ status: () => ({ connected: true, waiting: 0, waitingBytes: 0 }) }, registry)
  watchClocks({ registry, logger: pino({ level: 'silent' }) })
  countSpans(registry)
  const rows = (await registry.getMetricsAsJSON()).map(({ name, help }) => [`\`${name}\``, help])
  checkDocumented(t, 'docs/operations.md', 'metrics-service', [['metric', 'meaning'], ...rows])
})

t.test('metrics say of each check whether it holds now', async (t) => {
  let problem: string | undefined = 'no answer'
  const { metrics } = build(t, { log: () => undefined, database: async () => problem })
  const before = await metrics()
  t.match(before, /^rabble_ready\{check="log"\} 1$/m)
  t.match(before, /^rabble_ready\{check="database"\} 0$/m)
  problem = undefined
  t.match(await metrics(), /^rabble_ready\{check="database"\} 1$/m)
})

t.test('a check that fails itself is one that does not hold, and hides nothing', async (t) => {
  const { metrics, readyz } = build(t, {
    log: () => undefined,
    database: () => Promise.reject(new Error('out of order')),
  })
  t.match(await readyz(), { statusCode: 503, checks: { log: 'ok', database: 'out of order' } })
  t.match(await metrics(), /^rabble_ready\{check="log"\} 1\nrabble_ready\{check="database"\} 0$/m)
})

t.test('a service is healthy once all of its checks have held, and stays so while it answers', async (t) => {
  const problems: Record<string, string | undefined> = { log: 'no answer', database: undefined }
  const { healthz, readyz } = build(t, { log: () => problems.log, database: () => problems.database })
  t.equal(await healthz(), 503)
  problems.log = undefined
  problems.database = 'no answer'
  t.equal(await healthz(), 503, 'both have held, but not together')
  problems.database = undefined
  t.equal(await healthz(), 200)
  problems.log = 'no answer'
  t.equal((await readyz()).statusCode, 503)
  t.equal(await healthz(), 200, 'what comes back by itself is not to be killed')
})

t.test('a process tells its CPU time, its memory and how late its event loop is, each once', async (t) => {
  const one = await build(t, {}).metrics()
  const other = await build(t, {}).metrics()
  for (const text of [one, other]) {
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ]) {
      t.equal(text.match(new RegExp(`^${name} [0-9.e-]+$`, 'gm'))?.length, 1, name)
    }
  }
})

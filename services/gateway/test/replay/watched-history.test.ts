import { Registry } from 'prom-client'
import t from 'tap'
import { createMetrics } from '../../src/metrics.ts'
import { watchHistory } from '../../src/replay/watched-history.ts'
import { createFakeHistory } from '../fake-history.ts'

t.test('an outage of history is logged once, whoever asks, and each failure is counted', async (t) => {
  const logged: string[] = []
  const log = (level: string) => () => void logged.push(level)
  const logger = { info: log('info'), warn: log('warn') }
  const registry = new Registry()
  const fake = createFakeHistory()
  const history = watchHistory(fake, { metrics: createMetrics(registry), logger: logger as never })
  const calls: (() => Promise<unknown>)[] = [
    () => history.replay({ room: 'general', after: ['a'], limit: 1 }, undefined),
    () => history.find('general', 'a', undefined),
    () => history.known('general', ['a']),
    () => history.directRooms('ada', 1),
  ]
  for (const call of calls) await call()
  t.strictSame(logged, [])
  fake.down = true
  for (const call of [...calls, ...calls]) await t.rejects(call(), { message: 'no history today' })
  t.strictSame(logged, ['warn'])
  const [failures] =
    (await registry.getSingleMetric('rabble_gateway_history_errors_total')?.get())?.values ?? []
  t.equal(failures?.value, 8)
  fake.down = false
  for (const call of calls.slice(1)) await call()
  t.strictSame(logged, ['warn'], 'one kind of call still fails')
  for (const call of calls) await call()
  t.strictSame(logged, ['warn', 'info'])
})

import rateLimit from '@fastify/rate-limit'
import { createManualClock } from '@rabble/clock/manual'
import fastify from 'fastify'
import t from 'tap'
import { requestWindows } from '../../src/names/request-windows.ts'

t.test('a limit for a minute is one for a minute also when the wall clock is set back', async (t) => {
  const clock = createManualClock()
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(rateLimit, {
    max: 2,
    timeWindow: 60_000,
    store: requestWindows(clock, 2),
    keyGenerator: ({ headers }) => `${headers.from}`,
  })
  app.get('/', async () => 'ok')
  const ask = async (from: string) => (await app.inject({ url: '/', headers: { from } })).statusCode
  t.same([await ask('a'), await ask('a'), await ask('a')], [200, 200, 429])
  clock.jump(-3_600_000)
  await clock.advance(59_999)
  t.same([await ask('a'), await ask('b')], [429, 200])
  await clock.advance(1)
  t.same([await ask('a'), await ask('a'), await ask('a')], [200, 200, 429])
  // Beyond the maximum, the least recently used window is forgotten.
  t.same([await ask('c'), await ask('b'), await ask('b')], [200, 200, 200])
})

import { createManualClock } from '@rabble/clock/manual'
import { createWorkHealth, type Database } from '@rabble/database'
import { until } from '@rabble/harness'
import { createApp } from '@rabble/service'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { createReaders } from '../../src/access/readers.ts'
import { createMetrics } from '../../src/metrics.ts'
import { historyRoutes } from '../../src/routes/history.ts'
import { logger, tokens } from '../build.ts'

/** Builds the routes over a database whose answers the test releases. */
async function build(t: Test) {
  const clock = createManualClock()
  const asked: (() => void)[] = []
  const ask = () => new Promise<never[]>((resolve) => asked.push(() => resolve([])))
  const database: Pick<Database, 'query' | 'transaction'> = {
    query: async (sql) => (sql.includes('history.search_positions') ? [] : ask()),
    transaction: (work) => work(ask),
  }
  const metrics = createMetrics(new Registry(), clock)
  const app = createApp({ logger })
  app.register(
    historyRoutes({
      clock,
      database: database as Database,
      metrics,
      health: createWorkHealth(clock),
      access: {
        tokens,
        requireToken: false,
        readers: createReaders(undefined, { clock, requireToken: false, metrics, logger }),
      },
      migrated: () => true,
    }),
  )
  t.teardown(() => app.close())
  await app.ready()
  /** Returns the status of an answer, and its `retry-after`. */
  const get = async (url: string, remoteAddress: string, user?: string) => {
    const token = user && (await tokens.sign({ id: user, name: user }, 600))
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const { statusCode, headers: answered } = await app.inject({ url, remoteAddress, headers })
    return { status: statusCode, retryAfter: answered['retry-after'] }
  }
  return {
    asked,
    get,
    /** Answers all queries until `answers` have arrived. */
    async answer<Answer>(answers: Promise<Answer>): Promise<Answer> {
      const answering = setInterval(() => {
        for (const answer of asked.splice(0)) answer()
      }, 1)
      return answers.finally(() => clearInterval(answering))
    },
  }
}

for (const [what, url, under, waiting] of [
  ['searches', '/api/search?q=hello', 1, 4],
  ['pages', '/api/rooms/general/messages', 2, 100],
] as const) {
  for (const [who, addressOf, userOf] of [
    ['address', (n: number) => `2001:db8::${n}`, (n: number) => `eve-${n}`],
    ['user', (n: number) => `192.0.2.${n}`, () => 'eve'],
  ] as const) {
    t.test(`one ${who} has a share of the ${what}, and others are served beside it`, async (t) => {
      const { asked, get, answer } = await build(t)
      const count = under + waiting
      const eves = Array.from({ length: count + 1 }, (_, n) => get(url, addressOf(n), userOf(n)))
      t.strictSame(await Promise.race(eves), { status: 429, retryAfter: '1' }, 'one too many')
      t.equal(asked.length, under)
      const adas = get(url, '198.51.100.1', 'ada')
      await until(() => asked.length === under + 1, 60_000, 'the database to be asked for somebody else')
      t.equal((await answer(adas)).status, 200)
      const served = (await answer(Promise.all(eves))).filter(({ status }) => status === 200)
      t.equal(served.length, count)
    })
  }
}

import { availableParallelism } from 'node:os'
import { createRandom, startPostgres, startRabbitMq, startService } from '@rabble/harness'
import { print, runBench } from '../bench.ts'
import { type Percentiles, percentilesOf } from '../latency.ts'
import { postgresDefaults } from '../postgres.ts'
import { cpuSeconds, machineSeconds } from '../usage.ts'
import { explain, plansOf } from './plans.ts'
import { fillRoom, idOf, openDatabase, room } from './room.ts'

const count = /^[1-9]\d{0,7}$/
/** Number of requests before the measurement, while connections are made and code is compiled. */
const warmUp = 50

/** Times in milliseconds. `cpu` is the mean CPU time of a page. */
interface Page extends Percentiles {
  cpu: { history: number; postgres: number }
}

await runBench({
  name: 'history-page',
  help: 'time for a page of a very large room over HTTP, and the plans of PostgreSQL',
  options: {
    messages: { default: '1000000', rule: count, help: 'in the room; as many again are in other rooms' },
    requests: { default: '2000', rule: count, help: 'for each kind of page, one after the other' },
    limit: { default: '50', rule: /^[1-9]\d{0,2}$/, help: 'messages of a page' },
    seed: { default: '1', rule: /^\d{1,9}$/, help: 'of the cursors' },
  },
  async run(t, values) {
    const [messages, requests, limit] = [values.messages, values.requests, values.limit].map(Number) as [
      number,
      number,
      number,
    ]
    const postgres = await startPostgres(t, { settings: { ...postgresDefaults, fsync: 'on' } })
    const rabbitmq = await startRabbitMq(t)
    const url = await postgres.createDatabase()
    const env = { RABBLE_AMQP_URL: rabbitmq.url, RABBLE_DATABASE_URL: url, LOG_LEVEL: 'warn' }
    const history = await startService(t, 'history', env)
    const database = await openDatabase(t, url)
    await fillRoom(database, messages)
    const [size] = await database.query<{ bytes: number }>(
      `select pg_total_relation_size('history.messages') as bytes`,
      [],
    )
    print(
      `${messages} messages in the room, as many elsewhere: ${Math.round((size?.bytes ?? 0) / 2 ** 20)} MiB`,
    )

    const page = async (query: string): Promise<number> => {
      const begin = performance.now()
      const reply = await fetch(`${history.url}/api/rooms/${room}/messages?limit=${limit}${query}`)
      const { messages: found } = (await reply.json()) as { messages?: unknown[] }
      const took = performance.now() - begin
      if (found?.length !== limit) throw new Error(`${query}: ${reply.status}, ${found?.length} messages`)
      return took
    }
    const random = createRandom(Number(values.seed))
    // Every other message is in the room. The cursors keep a distance from its ends, so that each page is full.
    const any = () => idOf(2 * (limit + 1 + Math.floor(random() * (messages - 2 * limit - 1))))
    const kinds = [
      { kind: 'newest', query: () => '', statements: 1 },
      { kind: 'before', query: () => `&before=${any()}`, statements: 2 },
      { kind: 'around', query: () => `&around=${any()}`, statements: 3 },
    ]
    const used = () => ({
      history: cpuSeconds(history.pid),
      postgres: cpuSeconds(postgres.pid),
      machine: machineSeconds(),
    })
    const pages: Record<string, Page> = {}
    const begin = performance.now()
    const atFirst = used()
    for (const { kind, query } of kinds) {
      for (let n = 0; n < warmUp; n++) await page(query())
      const before = used()
      const times: number[] = []
      for (let n = 0; n < requests; n++) times.push(await page(query()))
      const after = used()
      const each = (who: 'history' | 'postgres') => round((1_000 * (after[who] - before[who])) / requests)
      pages[kind] = {
        ...percentilesOf(times),
        cpu: { history: each('history'), postgres: each('postgres') },
      }
    }
    const busyCores = round((1_000 * (used().machine - atFirst.machine)) / (performance.now() - begin))

    await explain(database, history)
    for (const { kind, query, statements } of kinds) {
      await page(query())
      print(`\n${kind}\n`)
      for (const plan of await plansOf(postgres, statements, () => page(query()))) print(`${plan}\n`)
    }
    for (const [kind, { p50, p99, cpu }] of Object.entries(pages)) {
      const cost = `CPU of history ${cpu.history} ms, of PostgreSQL ${cpu.postgres} ms`
      print(`${kind.padEnd(8)} p50 ${p50} ms, p99 ${p99} ms, of ${requests}; ${cost}`)
    }
    print(`cores of the whole machine that were busy meanwhile: ${busyCores}`)
    return { messages, requests, limit, cpus: availableParallelism(), busyCores, milliseconds: pages }
  },
})

function round(value: number): number {
  return Math.round(value * 100) / 100
}

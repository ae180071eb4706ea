import { availableParallelism } from 'node:os'
import { connectPostgres, type Database } from '@rabble/database'
import { createRandom, startPostgres, startRabbitMq, startService, type TestContext } from '@rabble/harness'
import { print, runBench } from '../bench.ts'
import { scrape } from '../metrics.ts'
import { postgresDefaults } from '../postgres.ts'
import { publishBacklog } from './backlog.ts'
import { type CatchUp, type Usage, watchCatchUp } from './watch.ts'

const count = /^[1-9]\d{0,8}$/

await runBench({
  name: 'history-catch-up',
  help: 'speed at which a history that was down takes a backlog of the log into PostgreSQL',
  options: {
    events: { default: '200000', rule: count, help: 'messages in the backlog' },
    rooms: { default: '50', rule: count, help: 'rooms that they are in' },
    batch: { default: '20', rule: /^[1-9]\d{0,2}$/, help: 'messages of a batch of the log, on the average' },
    fsync: { default: 'on', rule: /^(on|off)$/, help: 'of PostgreSQL' },
    seed: { default: '1', rule: /^\d{1,9}$/, help: 'of the messages' },
  },
  async run(t, values) {
    const { fsync } = values
    const [events, rooms, batch] = [Number(values.events), Number(values.rooms), Number(values.batch)]
    const postgres = await startPostgres(t, { settings: { ...postgresDefaults, fsync } })
    const rabbitmq = await startRabbitMq(t)
    const random = createRandom(Number(values.seed))
    const eventBytes = Math.round(await publishBacklog(rabbitmq.url, { events, rooms, batch, random }))
    print(`${events} events of ${eventBytes} bytes in ${rooms} rooms wait; history starts`)

    const url = await postgres.createDatabase()
    const database = await openDatabase(t, url)
    const start = performance.now()
    const history = await startService(
      t,
      'history',
      { RABBLE_AMQP_URL: rabbitmq.url, RABBLE_DATABASE_URL: url, LOG_LEVEL: 'warn' },
      { wait: 'nothing' },
    )
    let metrics = (_: string) => 0
    const caughtUp = await watchCatchUp({
      database,
      events,
      pids: { history: history.pid, postgres: postgres.pid, rabbitmq: rabbitmq.pid },
      async onAll() {
        metrics = await scrape(history.url)
      },
    })
    await checkRows(database, events)
    const result = summarise({ events, start, caughtUp, metrics })
    print(table(result))
    return { events, rooms, batch, eventBytes, fsync, cpus: availableParallelism(), ...result }
  },
})

async function openDatabase(t: TestContext, url: string): Promise<Database> {
  const database = await connectPostgres(url, { connections: 1 })
  t.teardown(() => database.close())
  return database
}

/** @throws Error if the tables don't hold all events */
async function checkRows(database: Database, events: number): Promise<void> {
  const [found] = await database.query<{ rows: number; indexed: number }>(
    `select (select count(*) from history.messages) as rows, (select count(*) from history.search) as indexed`,
    [],
  )
  if (found?.rows !== events || found.indexed !== events) {
    throw new Error(`history should have ${events} messages, and has ${JSON.stringify(found)}`)
  }
}

interface Run {
  events: number
  /** Time of the start of the process, as in `Mark`. */
  start: number
  caughtUp: CatchUp
  metrics: (name: string) => number
}

type Result = ReturnType<typeof summarise>

function summarise({ events, start, caughtUp: { begin, all, indexed, memory }, metrics }: Run) {
  const seconds = (all.at - begin.at) / 1_000
  const used = (who: keyof Usage) => all.usage[who] - begin.usage[who]
  const others = used('machine') - used('history') - used('postgres') - used('rabbitmq') - used('bench')
  const transactions = metrics('rabble_history_transaction_seconds_sum')
  return {
    eventsPerSecond: {
      fromStart: Math.round(events / ((all.at - start) / 1_000)),
      fromFirstRow: Math.round(events / seconds),
    },
    seconds: {
      toFirstRow: round((begin.at - start) / 1_000),
      toAllRows: round((all.at - start) / 1_000),
      toAllIndexed: round((indexed.at - start) / 1_000),
    },
    indexedWithAllRows: all.indexed,
    transactions: {
      count: metrics('rabble_history_transaction_seconds_count'),
      seconds: round(transactions),
      share: round(transactions / seconds),
    },
    /** Mean number of busy cores between the first row and the last. */
    cores: {
      history: round(used('history') / seconds),
      postgres: round(used('postgres') / seconds),
      rabbitmq: round(used('rabbitmq') / seconds),
      bench: round(used('bench') / seconds),
      others: round(Math.max(0, others) / seconds),
    },
    memoryMiB: { quarters: memory.quarters, peak: memory.peak },
  }
}

function table({
  eventsPerSecond,
  seconds,
  transactions,
  cores,
  memoryMiB,
  indexedWithAllRows,
}: Result): string {
  const rows = {
    'events/s, from the start of the process': eventsPerSecond.fromStart,
    'events/s, from the first row': eventsPerSecond.fromFirstRow,
    'seconds to the first row': seconds.toFirstRow,
    'seconds to all rows': seconds.toAllRows,
    'seconds to all rows in the search': seconds.toAllIndexed,
    'rows in the search when all were there': indexedWithAllRows,
    transactions: transactions.count,
    'share of time in transactions': transactions.share,
    'cores: history': cores.history,
    'cores: PostgreSQL': cores.postgres,
    'cores: RabbitMQ': cores.rabbitmq,
    'cores: this benchmark': cores.bench,
    'cores: other processes of the machine': cores.others,
    'MiB of history at 25, 50, 75, 100 %': memoryMiB.quarters.join(', '),
    'MiB of history at most': memoryMiB.peak,
  }
  return Object.entries(rows)
    .map(([what, value]) => `${what.padEnd(42)} ${value}`)
    .join('\n')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

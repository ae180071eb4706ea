import { systemClock } from '@rabble/clock'
import type { MessageEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { EventLog } from '@rabble/event-log'
import { until } from '@rabble/harness'
import {
  createApp,
  createInternalTokens,
  createLogger,
  createTokens,
  operations,
  watchClocks,
} from '@rabble/service'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { createMetrics, type HistoryMetrics, type HistoryOptions, history } from '../src/index.ts'
import { type Ingest, type IngestOptions, startIngest } from '../src/jobs/ingest.ts'
import { pageOf } from '../src/messages/page.ts'

type Log = Pick<EventLog, 'partitions' | 'read'>

export const logger = createLogger('history-test', 'silent')
const secret = 'a secret that is long enough to be one'
export const tokens = createTokens(secret)
export const internalTokens = createInternalTokens(secret)
const backoff = { first: 5, longest: 100 }

/** Starts an ingest without the other parts, closed at the end of the test. */
export function ingestOf(
  t: Test,
  log: Log,
  database: Database,
  options: Partial<
    Pick<IngestOptions, 'clock' | 'limits' | 'retention' | 'rooms' | 'rest' | 'logger' | 'webhook' | 'push'>
  > = {},
): Ingest & { metrics: HistoryMetrics } {
  const { clock = systemClock, ...rest } = options
  const registry = new Registry()
  const metrics = createMetrics(registry, clock)
  const clocks = watchClocks({ registry, logger, clock })
  const ingest = startIngest({ clock, clocks, log, database, metrics, logger, backoff, standby: 20, ...rest })
  t.teardown(() => ingest.close())
  return { ...ingest, metrics }
}

/** Maximum time (ms) for an answer, on a slow machine or one that stalls for a while. */
export const timeout = 60_000

/** Builds a whole history, which starts with its first request. */
export function build(
  t: Test,
  options: Pick<
    HistoryOptions,
    'clock' | 'log' | 'database' | 'requireToken' | 'rooms' | 'users' | 'deadline' | 'push'
  >,
): FastifyInstance {
  const app = createApp({ logger })
  const registry = new Registry()
  const { plugin, checks, notes } = history({
    deadline: timeout,
    ...options,
    tokens,
    internalTokens,
    clocks: { compare: () => 0 },
    metrics: createMetrics(registry, options.clock),
    logger,
  })
  app.register(plugin)
  operations(app, { registry, checks, notes })
  t.teardown(() => app.close())
  return app
}

/** Returns the ids of a whole room, page by page, once it has `count` messages. */
export async function idsOf(database: Database, count: number, room = 'general'): Promise<string[]> {
  await waitFor(database, count)
  return (await allOf(database, room)).map(({ id }) => id)
}

export async function allOf(database: Database, room = 'general'): Promise<MessageEvent[]> {
  const all: MessageEvent[] = []
  for (;;) {
    const first = all[0]?.id
    const page = await pageOf(database, { room, limit: 200, ...(first !== undefined && { before: first }) })
    all.unshift(...page.lines.map((line): MessageEvent => JSON.parse(line)))
    if (!page.hasMoreBefore) return all
  }
}

/** Waits until there are `count` messages in all rooms together. */
export async function waitFor(database: Database, count: number): Promise<void> {
  let found = 0
  await until(
    async () => {
      const [row] = await database.query<{ count: number }>('select count(*) from history.messages', [])
      found = row?.count ?? 0
      return found >= count
    },
    timeout,
    `${count} messages`,
  )
}

/** Makes all stored messages count as stored `days` days ago. */
export async function storedDaysAgo(database: Database, days: number): Promise<void> {
  await database.query(
    `insert into history.moments (partition, sequence, at)
     select partition, sequence, now() - $1::float8 * interval '1 day' from history.positions
     on conflict (partition, sequence) do update set at = excluded.at`,
    [days],
  )
}

/** Waits until a partition is at an offset. */
export async function waitForOffset(database: Database, offset: number, partition = 0): Promise<void> {
  await until(
    async () => {
      const [row] = await database.query<{ log_offset: number }>(
        'select log_offset from history.positions where partition = $1',
        [partition],
      )
      return row?.log_offset === offset
    },
    timeout,
    `offset ${offset}`,
  )
}

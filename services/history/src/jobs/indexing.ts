import type { Clock } from '@rabble/clock'
import type { Database, WorkHealth } from '@rabble/database'
import type { Logger } from '@rabble/event-log'
import { retryLogged } from '@rabble/service'
import type { HistoryMetrics } from '../metrics.ts'
import { documentOf } from '../search/search-document.ts'

export interface IndexingOptions {
  clock: Clock
  database: Database
  metrics: HistoryMetrics
  logger: Logger
  health: WorkHealth
  /** Whether the tables exist. */
  migrated: () => boolean
  /** Maximum number of rows in one transaction. Default: 2,000; with PGlite 500. */
  limit?: number
}

/** Larger transactions cost less for each row, but PGlite, and the process that runs it, do nothing else meanwhile. */
const most = { postgres: 2_000, pglite: 500 }
/** Time (ms) between two checks for messages to index. */
const pause = 500
/** Number of events per second from which on the log is busy. */
const busy = 100
/** Minimum time (ms) between two steps while the log is busy, and how many times as long as a step it is at least. */
const busyPause = 2_000
const busyRest = 9
/** Time (ms) after which an index that has not caught up takes its half of the time, although the log is busy. */
const patience = 60_000

/**
 * Adds new and changed messages to the search index, until closed. It works for at most half of the time, and for at most a tenth
 * while the log is busy, since gateways and the writer need the machine more then. Several replicas may do this; they take turns.
 */
export function startIndexing(options: IndexingOptions): {
  close(): Promise<void>
} {
  const { clock, database, metrics, logger, health, migrated, limit = most[options.database.kind] } = options
  const stop = new AbortController()
  const { signal } = stop

  let lookedAt = clock.monotonic()
  let caughtUpAt = lookedAt
  let written: number | undefined

  /** Indexes once. Resolves to the time (ms) to wait before the next step. */
  async function step(): Promise<number> {
    const started = clock.monotonic()
    const rows = await indexStep(database, limit)
    const progress = await progressOf(database)
    health.ended('indexing')
    const unindexed = progress.written - progress.indexed
    metrics.unindexed.set(unindexed)
    const now = clock.monotonic()
    const perSecond = ((progress.written - (written ?? progress.written)) * 1_000) / (now - lookedAt)
    lookedAt = now
    written = progress.written
    // Without the second condition, the index would seem complete whenever another replica has its turn.
    if (rows < limit && unindexed < limit) caughtUpAt = now
    if (perSecond > busy && now - caughtUpAt < patience) {
      return Math.max(busyPause, busyRest * (now - started))
    }
    return rows > 0 ? now - started : pause
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(migrated() ? await retryLogged(step, retrying) : pause, { signal })
    }
  }

  const retrying = {
    clock,
    signal,
    logger,
    doing: 'indexing messages for the search',
    failed(error: unknown) {
      metrics.databaseErrors.inc({ operation: 'index' })
      health.ended('indexing', error)
    },
  }
  // Rejects only after the abort: `retryLogged` gives up for no other reason.
  const running = run().catch(() => {})
  return {
    close() {
      stop.abort()
      return running
    },
  }
}

/** Returns the number of events that were given a sequence, and of those that were considered for the index. */
async function progressOf(database: Database): Promise<{ written: number; indexed: number }> {
  const [progress] = await database.query<{ written: number; indexed: number }>(
    `select coalesce(sum(positions.sequence), 0)::bigint as written,
       coalesce(sum(indexed.sequence), 0)::bigint as indexed
     from history.positions left join history.search_positions as indexed using (partition)`,
    [],
  )
  return progress ?? { written: 0, indexed: 0 }
}

interface Behind {
  /** Null for changed messages. */
  partition: number | null
}

interface Row {
  partition: number
  sequence: number
  room: string
  sender_id: string
  text: string
}

/** Indexes up to `limit` messages of each partition, and up to `limit` changed ones. Resolves to the number processed. */
export async function indexStep(database: Database, limit: number): Promise<number> {
  const behind = await database.query<Behind>(
    `select partition from history.positions left join history.search_positions as indexed using (partition)
     where positions.sequence > coalesce(indexed.sequence, 0)
     union all select null where exists (select from history.search_stale)`,
    [],
  )
  let rows = 0
  for (const { partition } of behind) {
    rows += await database.transaction((query) =>
      partition === null ? indexStale(query, limit) : indexNew(query, partition, limit),
    )
  }
  return rows
}

async function indexNew(query: Database['query'], partition: number, limit: number): Promise<number> {
  await query(
    'insert into history.search_positions (partition, sequence) values ($1, 0) on conflict do nothing',
    [partition],
  )
  // If the row is locked, another replica is indexing this partition.
  const [position] = await query<{ indexed: number; written: number }>(
    `select indexed.sequence as indexed, positions.sequence as written
     from history.search_positions as indexed join history.positions using (partition)
     where partition = $1 for update of indexed skip locked`,
    [partition],
  )
  if (position === undefined) return 0
  // Sequences become visible in order, since the writer's row of history.positions moves with them.
  const rows = await query<Row>(
    `select partition, sequence, room, sender_id, text from history.messages
     where partition = $1 and sequence > $2 and sequence <= $3 order by sequence limit $4`,
    [partition, position.indexed, position.written, limit],
  )
  await put(query, rows)
  const last = rows.length < limit ? position.written : rows.at(-1)?.sequence
  await query('update history.search_positions set sequence = $2 where partition = $1', [partition, last])
  return rows.length
}

async function indexStale(query: Database['query'], limit: number): Promise<number> {
  // Waits for transactions that may be indexing texts read before the change.
  await query('select from history.search_positions order by partition for update', [])
  const stale = await query<{ at: string; partition: number; sequence: number }>(
    `delete from history.search_stale where (at, partition, sequence) in
       (select at, partition, sequence from history.search_stale limit $1 for update)
     returning at::text, partition, sequence`,
    [limit],
  )
  const keys = JSON.stringify(stale)
  await query(
    `delete from history.search using
       json_to_recordset($1::json) as stale (at timestamptz, partition smallint, sequence bigint)
     where (search.at, search.partition, search.sequence) = (stale.at, stale.partition, stale.sequence)`,
    [keys],
  )
  const rows = await query<Row>(
    `select partition, sequence, room, sender_id, text from history.messages
     join json_to_recordset($1::json) as stale (partition smallint, sequence bigint) using (partition, sequence)`,
    [keys],
  )
  await put(query, rows)
  return stale.length
}

async function put(query: Database['query'], rows: Row[]): Promise<void> {
  if (rows.length === 0) return
  const entries = rows.map((row) => ({
    partition: row.partition,
    sequence: row.sequence,
    words: documentOf(row),
  }))
  // The time comes from the table, since the driver's has only milliseconds.
  await query(
    `insert into history.search (at, partition, sequence, room, words)
     select coalesce(at, '-infinity'), partition, sequence, room, words::tsvector
     from json_to_recordset($1::json) as entries (partition smallint, sequence bigint, words text)
     join history.messages using (partition, sequence)
     on conflict (at, partition, sequence) do update set words = excluded.words`,
    [JSON.stringify(entries)],
  )
}

import { orAborted } from '@rabble/clock/race'
import { type Database, databaseTime } from '@rabble/database'
import { partitionOf } from '@rabble/event-log'
import { type ClockWatch, clockTolerance, isoTime } from '@rabble/service'
import { type Partition, retryForPartition } from '../projection/partition.ts'
import { trimReports } from '../reports/reports.ts'
import { restored } from '../text/storable.ts'
import { forgetGuests } from './former-guests.ts'
import { hourly } from './hourly.ts'
import { newestMoment, noteMoment, storedBy } from './moments.ts'
import { roomsAfter, type TellNames, tellingNames } from './room-names.ts'

/** Bounds on what is kept of a room. Messages within both are kept. */
export interface Retention {
  /** Maximum time (ms) since a message was stored. */
  maxAge?: number
  /** Maximum number of messages. */
  maxMessages?: number
}

/** Retention for all rooms, and stricter retention of single rooms. */
export interface RetainOptions {
  retention?: Retention
  /** Reports rooms that keep less than others, and is told which rooms have messages. */
  rooms?: { retention(): Promise<ReadonlyMap<string, Retention>>; former: TellNames }
  /** Compares the clock of the database with that of this process. */
  clocks: Pick<ClockWatch, 'compare'>
  /** Time (ms) between two rounds over the rooms. Default: 1 minute. */
  rest?: number
}

/*
 * Works room by room, because rooms have different retention, and because the index by room then finds the oldest messages. An
 * index by time is not needed, which would slow down the writing of every message.
 */
const eventsAtOnce = 500
const roomsAtOnce = 100
/** Notes the highest sequence of what `deleted` lists, for readers of the feed that were not there yet. */
const noted = `noted as (
  insert into history.retired (partition, sequence)
  select partition, max(sequence) from deleted where shown group by partition
  on conflict (partition) do update set sequence = greatest(retired.sequence, excluded.sequence)
)`
/** Delay (ms) between two statements, so that readers and writers come first. */
const yieldDelay = 20

/**
 * Deletes messages that are too old or too many, in rounds over the rooms of a partition, until `signal` aborts. Never rejects.
 * Notes when messages were stored even if nothing is to be deleted, in case retention is set later.
 */
export async function retain(
  options: Partition,
  { retention, rooms, clocks, rest = 60_000 }: RetainOptions,
): Promise<void> {
  const { signal, database } = options
  const ask = rooms && asking(options, rooms)
  const dated = dating(options, clocks)
  const forget = [
    hourly(options, 'deleting conversations of former guests', () => forgetGuests(database)),
    hourly(options, 'deleting old reports', () => trimReports(database)),
  ]
  const tell = rooms && tellingNames(options, rooms.former)
  while (!signal.aborted) {
    const own = (await ask?.()) ?? new Map<string, Retention>()
    const outdated = await dated()
    let deleted = 0
    for await (const room of retention === undefined ? own.keys() : roomsOf(options)) {
      if (partitionOf(restored(room), options.log.partitions) !== options.partition) continue
      deleted += await trim(options, room, strictest(retention, own.get(room)), outdated)
      if (signal.aborted) break
    }
    // PostgreSQL has autovacuum. PGlite has none, so its files would only grow.
    if (deleted > 0 && database.kind === 'pglite') {
      await retryUntilStopped(options, () => database.query('vacuum history.messages, history.changes'))
    }
    await tell?.()
    for (const work of forget) await work()
    await options.clock.sleep(rest, { signal })
  }
}

/**
 * Returns a function that asks for the rooms' own retention. While the rooms service does not answer, the last known answer
 * counts. No answer yet does no harm, since the rooms' own retention only deletes more. A single failure is not logged: the
 * rooms service may be starting too.
 */
function asking(
  { signal, logger, metrics, partition }: Partition,
  rooms: NonNullable<RetainOptions['rooms']>,
): () => Promise<ReadonlyMap<string, Retention>> {
  let known: ReadonlyMap<string, Retention> = new Map()
  let failures = 0
  return async () => {
    try {
      known = (await orAborted(rooms.retention(), signal)) ?? known
      if (failures > 1) logger.info({ partition }, 'the retention of rooms is known again')
      failures = 0
    } catch (error) {
      metrics.roomsErrors.inc()
      if (++failures === 2)
        logger.warn(
          { err: error, partition },
          'the retention of rooms can not be fetched; the last known one holds',
        )
    }
    return known
  }
}

/** Returns the sequence up to which messages are certainly older than `age` milliseconds; undefined if none is. */
type Outdated = (age: number) => Promise<number | undefined>

/**
 * Returns a function that determines for each round what is too old. Only the database's clock decides, and only while it is
 * plausible: if it is far from the local clock, or behind a time that it showed before, nothing is too old.
 */
function dating(options: Partition, clocks: Pick<ClockWatch, 'compare'>): () => Promise<Outdated> {
  const { clock, database, logger, metrics, partition } = options
  let paused = false
  return async () => {
    const newest = await retryUntilStopped(options, () => newestMoment(database, partition))
    let askedAt = clock.now()
    const now = await retryUntilStopped(options, () => {
      askedAt = clock.now()
      return databaseTime(database)
    })
    if (now === undefined) return async () => undefined
    const ahead = clocks.compare('database', { from: now, to: now }, askedAt)
    const plausible = Math.abs(ahead) <= clockTolerance && now >= (newest ?? now)
    if (!plausible && !paused) {
      logger.error(
        {
          partition,
          database: isoTime(now),
          ours: isoTime(askedAt),
          ...(newest && { before: isoTime(newest) }),
        },
        'nothing is deleted for its age: the clock of the database differs from that of history, or was set back',
      )
    }
    if (plausible && paused) logger.info({ partition }, 'old messages are deleted again')
    paused = !plausible
    metrics.retentionPaused.set({ partition }, paused ? 1 : 0)
    if (paused) return async () => undefined
    await retryUntilStopped(options, () => noteMoment(database, partition, now, newest))
    const known = new Map<number, Promise<number | undefined>>()
    return (age) => {
      const found =
        known.get(age) ?? retryUntilStopped(options, () => storedBy(database, partition, now - age))
      known.set(age, found)
      return found
    }
  }
}

/** Returns the stricter of both bounds. */
function strictest(all: Retention = {}, own: Retention = {}): Retention {
  const less = (a = Number.POSITIVE_INFINITY, b = Number.POSITIVE_INFINITY) => Math.min(a, b)
  const maxAge = less(all.maxAge, own.maxAge)
  const maxMessages = less(all.maxMessages, own.maxMessages)
  return {
    ...(Number.isFinite(maxAge) && { maxAge }),
    ...(Number.isFinite(maxMessages) && { maxMessages }),
  }
}

/** Yields the rooms of all partitions by skipping from one to the next in the index, so long rooms take no longer. */
async function* roomsOf(options: Partition): AsyncGenerator<string> {
  const { database, signal } = options
  let after = ''
  while (!signal.aborted) {
    const rows = await retryUntilStopped(options, () => roomsAfter(database, after, roomsAtOnce))
    const last = rows?.at(-1)
    if (rows === undefined || last === undefined) return
    yield* rows
    after = last
  }
}

/**
 * Deletes from a room what exceeds its bounds. Returns the number of deleted events: messages, and changes before the oldest
 * remaining message, since the messages that they changed are gone.
 */
async function trim(
  options: Partition,
  room: string,
  { maxAge, maxMessages }: Retention,
  outdated: Outdated,
): Promise<number> {
  const { database, metrics } = options
  const old = maxAge === undefined ? undefined : await outdated(maxAge)
  // Queried once, since it counts all remaining messages. The next round handles messages that arrive meanwhile.
  const surplus =
    maxMessages === undefined
      ? undefined
      : await retryUntilStopped(options, () => lastBefore(database, room, maxMessages))
  const last = Math.max(old ?? 0, surplus ?? 0)
  if (last > 0) await retryUntilStopped(options, () => retireUnread(database, room, last))
  const messages = await inBatches(options, async () => {
    const [row] = await database.query<{ count: number }>(
      `with deleted as (
         delete from history.messages where room = $1 and sequence <= (
           select max(sequence)
           from (select sequence from history.messages where room = $1 order by sequence limit $2) as oldest
           where sequence <= $3::bigint
         ) returning partition, sequence, true as shown
       ), ${noted} select count(*) from deleted`,
      [room, eventsAtOnce, last],
    )
    metrics.retired.inc(row?.count ?? 0)
    return row?.count ?? 0
  })
  const changes = await inBatches(options, async () => {
    const [row] = await database.query<{ count: number }>(
      `with deleted as (
         delete from history.changes where id in (
           select id from history.changes where room = $1 and sequence < coalesce(
             (select sequence from history.messages where room = $1 order by sequence limit 1), $3::bigint)
           order by sequence limit $2
         ) returning partition, sequence, line is not null as shown
       ), ${noted} select count(*) from deleted`,
      [room, eventsAtOnce, Number.MAX_SAFE_INTEGER],
    )
    return row?.count ?? 0
  })
  return messages + changes
}

/** Returns the sequence of the newest message that has `count` messages after it; null if there is none. */
async function lastBefore(database: Database, room: string, count: number): Promise<number | null> {
  const [row] = await database.query<{ sequence: number }>(
    'select sequence from history.messages where room = $1 order by sequence desc offset $2 limit 1',
    [room, count],
  )
  return row?.sequence ?? null
}

/**
 * Notes that messages up to a sequence are no longer unread. Before they are deleted, and in statements of its own: the writer locks
 * rooms and messages in another order.
 */
async function retireUnread(database: Database, room: string, last: number): Promise<void> {
  await database.query(
    `update history.rooms set retired = newest.ordinal from (
       select ordinal from history.messages where room = $1 and sequence <= $2 order by sequence desc limit 1
     ) newest where room = $1 and newest.ordinal > retired`,
    [room, last],
  )
  await database.query('delete from history.mentions where room = $1 and sequence <= $2', [room, last])
}

/** Deletes until nothing is left to delete. Returns the number of deleted events. */
async function inBatches(options: Partition, deleteSome: () => Promise<number>): Promise<number> {
  let total = 0
  while (!options.signal.aborted) {
    const deleted = (await retryUntilStopped(options, deleteSome)) ?? 0
    total += deleted
    await options.clock.sleep(yieldDelay, { signal: options.signal })
    if (deleted === 0) break
  }
  return total
}

/** Retries work. Resolves to undefined once `signal` aborts. */
async function retryUntilStopped<Result>(
  options: Partition,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  // Separate problems: old messages that stay longer are no problem of writing new ones.
  return retryForPartition({ ...options, problems: new Map() }, 'deleting old messages', work).catch(
    () => undefined,
  )
}

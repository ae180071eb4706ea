import type { Database } from '@rabble/database'
import { partitionOf } from '@rabble/event-log'
import { columns } from './messages.ts'
import { placesOf } from './places.ts'
import { type StoredMessage, toLine } from './row.ts'
import { restored, storable } from './storable.ts'

/** What followed in a room since the oldest of some events: for a gateway that resumes many clients at once. */
export interface ReplayQuery {
  room: string
  /** Ids of the last messages or changes that clients saw. */
  after: readonly string[]
  /** The id of the oldest event that the gateway remembers; the replay ends right before it. */
  before?: string
  /** Most events. */
  limit: number
}

export interface Replay {
  /**
   * Offset of the log up to which the room is surely in here; null if nothing of its partition is stored yet. With this
   * and its own position the gateway knows whether messages may be missing between the replay and the live ones.
   */
  through: number | null
  /** Whether `before` is stored, so that nothing is missing right before it. True if there was none. */
  joined: boolean
  /** False if there is too much, or events that are known to be lost, in between: nothing is sent then. */
  complete: boolean
  /** Begins with the oldest of `after` that is known; empty if none is. In the order of the log. */
  ids: string[]
  /**
   * The JSON of each: messages as they are now, and, where the log has it, the newest change of each message. Empty for
   * the other changes, which nobody need see any more, but from which clients may resume.
   */
  lines: string[]
}

/** As many as a message has: its id and nothing else. */
const columnsOfChange = columns.replaceAll(/\b(?!id\b)\w+/g, 'null')

/** Rows that are read at a time. */
const pageRows = 1000
/** A replay is no longer, whatever its number of events: as UTF-8 at most three times as many bytes. */
const mostCharacters = 4 * 1024 * 1024

/** The position is read before the events, so these are never behind it. */
export async function replayOf(database: Database, partitions: number, query: ReplayQuery): Promise<Replay> {
  const partition = partitionOf(query.room, partitions)
  const through = await positionOf(database, partition)
  const known = await placesOf(database, query.room, [
    ...query.after,
    ...(query.before === undefined ? [] : [query.before]),
  ])
  const end = query.before === undefined ? undefined : known.get(query.before)?.sequence
  const joined = query.before === undefined || end !== undefined
  const starts = query.after.flatMap((id) => known.get(id)?.sequence ?? [])
  const nothing = { through, joined, complete: true, ids: [], lines: [] }
  if (starts.length === 0 || !joined) return nothing

  const first = Math.min(...starts)
  const rows = await rowsOf(database, storable(query.room), first, end, query.limit)
  if (rows === undefined || (await isTorn(database, partition, first, end)))
    return { ...nothing, complete: false }
  return { ...nothing, ...rows }
}

interface Row extends StoredMessage {
  sequence: number
  /** The line of a change, in place of a message. */
  change: string | null
}

/** What stands from one sequence up to another; undefined if that is too much. */
async function rowsOf(
  database: Database,
  room: string,
  first: number,
  end: number | undefined,
  limit: number,
): Promise<Pick<Replay, 'ids' | 'lines'> | undefined> {
  const ids: string[] = []
  const lines: string[] = []
  let size = 0
  for (let from = first; ; ) {
    // In one statement, since each has its own snapshot: no change comes without the message that it came after.
    const rows = await database.query<Row>(
      `(select sequence, null as change, ${columns} from history.messages
        where room = $1 and sequence >= $2 and ($3::bigint is null or sequence < $3) order by sequence limit $4)
       union all
       (select sequence, coalesce(line, ''), ${columnsOfChange} from history.changes
        where room = $1 and sequence >= $2 and ($3::bigint is null or sequence < $3) order by sequence limit $4)
       order by sequence limit $4`,
      [room, from, end ?? null, pageRows],
    )
    for (const row of rows) {
      const line = row.change === null ? toLine(row) : restored(row.change)
      size += line.length
      ids.push(restored(row.id))
      lines.push(line)
    }
    if (ids.length > limit || size > mostCharacters) return undefined
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return { ids, lines }
    from = last.sequence + 1
  }
}

export async function positionOf(database: Database, partition: number): Promise<number | null> {
  const [row] = await database.query<{ log_offset: number | null }>(
    'select log_offset from history.positions where partition = $1',
    [partition],
  )
  return row?.log_offset ?? null
}

/** Whether the log lost events of the partition in this range before they could be stored. */
async function isTorn(
  database: Database,
  partition: number,
  first: number,
  end: number | undefined,
): Promise<boolean> {
  const gaps = await database.query(
    `select 1 from history.gaps
     where partition = $1 and sequence >= $2 and ($3::bigint is null or sequence < $3) limit 1`,
    [partition, first, end ?? null],
  )
  return gaps.length > 0
}

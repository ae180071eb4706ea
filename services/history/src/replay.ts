import type { Database } from '@rabble/database'
import { partitionOf } from '@rabble/event-log'
import { columns } from './messages.ts'
import { placesOf } from './places.ts'
import { type StoredMessage, toLine } from './row.ts'
import { restored, storable } from './storable.ts'

/** What followed in a room since some events: for a gateway that resumes many clients at once. */
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
  /** False if since each of `after` that is known there is too much, or events were lost: nothing is sent then. */
  complete: boolean
  /** Begins with the oldest of `after` since which that isn't so; empty if none is known. In the order of the log. */
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

/**
 * All in one snapshot: with the position nothing is missing before it, and nothing there from behind it, which would come
 * to a gateway a second time.
 */
export function replayOf(database: Database, partitions: number, question: ReplayQuery): Promise<Replay> {
  const partition = partitionOf(question.room, partitions)
  return database.transaction(async (query) => {
    await query('set transaction isolation level repeatable read, read only')
    return replayIn({ query }, partition, question)
  })
}

type Reader = Pick<Database, 'query'>

async function replayIn(reader: Reader, partition: number, question: ReplayQuery): Promise<Replay> {
  const { room, after, before, limit } = question
  const through = await positionOf(reader, partition)
  const known = await placesOf(reader, room, before === undefined ? after : [...after, before])
  const end = before === undefined ? undefined : known.get(before)?.sequence
  const joined = before === undefined || end !== undefined
  const starts = after.flatMap((id) => known.get(id)?.sequence ?? [])
  const nothing = { through, joined, complete: true, ids: [], lines: [] }
  if (starts.length === 0 || !joined) return nothing

  // Nobody is to go without because another one was away for too long.
  const gap = await lastGap(reader, partition, end)
  const whole = starts.filter((sequence) => sequence > gap)
  const rows = whole.length === 0 ? nothing : await rowsOf(reader, storable(room), whole, end, limit)
  return { ...nothing, ...rows, complete: rows.ids.length > 0 }
}

interface Row extends StoredMessage {
  sequence: number
  /** The line of a change, in place of a message. */
  change: string | null
}

/** What stands from one of some sequences up to another: from the lowest from which that isn't too much. */
async function rowsOf(
  reader: Reader,
  room: string,
  starts: readonly number[],
  end: number | undefined,
  limit: number,
): Promise<Pick<Replay, 'ids' | 'lines'>> {
  const places = new Set(starts)
  const first = Math.min(...starts)
  const ids: string[] = []
  const lines: string[] = []
  let size = 0
  let fitting = 0
  for (let before = end; ; ) {
    const rows = await reader.query<Row>(
      `(select sequence, null as change, ${columns} from history.messages
        where room = $1 and sequence >= $2 and ($3::bigint is null or sequence < $3)
        order by sequence desc limit $4)
       union all
       (select sequence, coalesce(line, ''), ${columnsOfChange} from history.changes
        where room = $1 and sequence >= $2 and ($3::bigint is null or sequence < $3)
        order by sequence desc limit $4)
       order by sequence desc limit $4`,
      [room, first, before ?? null, pageRows],
    )
    for (const row of rows) {
      const line = row.change === null ? toLine(row) : restored(row.change)
      size += line.length
      ids.push(restored(row.id))
      lines.push(line)
      if (ids.length > limit || size > mostCharacters) break
      if (places.has(row.sequence)) fitting = ids.length
    }
    before = rows.at(-1)?.sequence
    if (rows.length < pageRows || ids.length > limit || size > mostCharacters) break
  }
  return { ids: ids.slice(0, fitting).reverse(), lines: lines.slice(0, fitting).reverse() }
}

export async function positionOf(reader: Reader, partition: number): Promise<number | null> {
  const [row] = await reader.query<{ log_offset: number | null }>(
    'select log_offset from history.positions where partition = $1',
    [partition],
  )
  return row?.log_offset ?? null
}

/** Behind which sequence the log lost events of the partition last, of those before `end`; -1 if it lost none. */
async function lastGap(reader: Reader, partition: number, end: number | undefined): Promise<number> {
  const [row] = await reader.query<{ sequence: number | null }>(
    `select max(sequence) as sequence from history.gaps
     where partition = $1 and ($2::bigint is null or sequence < $2)`,
    [partition, end ?? null],
  )
  return row?.sequence ?? -1
}

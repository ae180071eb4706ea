import type { Database } from '@rabble/database'
import { partitionOf } from '@rabble/event-log'
import { restored, storable } from '../text/storable.ts'
import { columns } from './page.ts'
import { placesOf } from './places.ts'
import { type StoredMessage, toLine } from './row.ts'

/** What followed in a room since some events: for a gateway that resumes many clients at once. */
export interface ReplayQuery {
  room: string
  /** Ids of the last messages or changes that clients saw; an empty one stands before the room's first. */
  after: readonly string[]
  /** Most events. */
  limit: number
}

export interface Replay {
  /**
   * Offset of the log up to which the replay has all events of the room; null if nothing of its partition is stored yet.
   * The gateway joins the replay to what it remembers here: an offset is one place, while an id may stand in the log twice.
   */
  through: number | null
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

/** Less than any sequence. */
const beginning = 0

/** Rows that are read at a time. */
const pageRows = 1000
/** A replay is no longer, whatever its number of events: as UTF-8 at most three times as many bytes. */
const maxCharacters = 4 * 1024 * 1024

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
  const { room, after, limit } = question
  const through = await positionOf(reader, partition)
  const starts = [...(await placesOf(reader, room, after)).values()].map(({ sequence }) => sequence)
  if (after.includes('')) starts.push(beginning)
  const nothing = { through, complete: true, ids: [], lines: [] }
  if (starts.length === 0) return nothing

  // Nobody is to go without because another one was away for too long.
  const gap = await lastGap(reader, partition)
  const whole = starts.filter((sequence) => sequence > gap)
  const rows = whole.length === 0 ? nothing : await rowsOf(reader, storable(room), whole, limit)
  return { ...nothing, ...rows, complete: rows.ids.length > 0 }
}

interface Row extends StoredMessage {
  sequence: number
  /** The line of a change, in place of a message. */
  change: string | null
}

/** Returns what stands from one of some sequences on: from the lowest from which that isn't too much. */
async function rowsOf(
  reader: Reader,
  room: string,
  starts: readonly number[],
  limit: number,
): Promise<Pick<Replay, 'ids' | 'lines'>> {
  const places = new Set(starts)
  const first = Math.min(...starts)
  const ids: string[] = []
  const lines: string[] = []
  let size = 0
  let fitting = 0
  for (let before: number | undefined; ; ) {
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
      if (ids.length > limit || size > maxCharacters) break
      if (places.has(row.sequence)) fitting = ids.length
    }
    before = rows.at(-1)?.sequence
    if (rows.length < pageRows && places.has(beginning) && ids.length <= limit && size <= maxCharacters) {
      ids.push('')
      lines.push('')
      fitting = ids.length
    }
    if (rows.length < pageRows || ids.length > limit || size > maxCharacters) break
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

/** Returns the sequence behind which the log lost events of the partition last; -1 if it lost none. */
async function lastGap(reader: Reader, partition: number): Promise<number> {
  const [row] = await reader.query<{ sequence: number | null }>(
    'select max(sequence) as sequence from history.gaps where partition = $1',
    [partition],
  )
  return row?.sequence ?? -1
}

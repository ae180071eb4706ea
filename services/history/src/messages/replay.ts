import type { Database } from '@rabble/database'
import { partitionOf } from '@rabble/event-log'
import { restored, storable } from '../text/storable.ts'
import { columns } from './page.ts'
import { placesOf } from './places.ts'
import { type StoredMessage, toLine } from './row.ts'

/** A query for what followed in a room after some events. A gateway uses it to resume many clients at once. */
export interface ReplayQuery {
  room: string
  /** Ids of the last messages or changes that clients saw. An empty id stands for the beginning of the room. */
  after: readonly string[]
  /** Maximum number of events. */
  limit: number
}

export interface Replay {
  /**
   * Offset of the log up to which the replay has all events of the room; null if nothing of its partition is stored yet. The
   * gateway appends the events that it remembers here: an offset is one place, while an id may be in the log twice.
   */
  through: number | null
  /** False if, after each known id of `after`, there are too many events or some were lost: nothing is sent then. */
  complete: boolean
  /** Ids in the order of the log, from the oldest id of `after` for which that is not so; empty if none is known. */
  ids: string[]
  /**
   * JSON of each event: messages as they are now and, where the log has it, the newest change of each message. Empty for the
   * other changes, which no client needs any more, but from which clients may resume.
   */
  lines: string[]
}

/** As many columns as a message has: its id, and nulls. */
const columnsOfChange = columns.replaceAll(/\b(?!id\b)\w+/g, 'null')

/** Less than any sequence. */
const beginning = 0

/** Maximum number of rows read at a time. */
const pageRows = 1000
/** Maximum length of a replay, whatever its number of events. In UTF-8 it has at most three times as many bytes. */
const maxCharacters = 4 * 1024 * 1024

/**
 * Reads everything in one snapshot: nothing before the position is missing, and nothing after it is included, since the gateway
 * would receive that twice.
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

  // A client that was away for too long must not keep others from their replay.
  const gap = await lastGap(reader, partition)
  const whole = starts.filter((sequence) => sequence > gap)
  const rows = whole.length === 0 ? nothing : await rowsOf(reader, storable(room), whole, limit)
  return { ...nothing, ...rows, complete: rows.ids.length > 0 }
}

interface Row extends StoredMessage {
  sequence: number
  /** Line of a change, instead of a message. */
  change: string | null
}

/** Returns the events from the lowest of some sequences that is not followed by too many. */
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

/** Returns the sequence after which the log last lost events of the partition; -1 if it lost none. */
async function lastGap(reader: Reader, partition: number): Promise<number> {
  const [row] = await reader.query<{ sequence: number | null }>(
    'select max(sequence) as sequence from history.gaps where partition = $1',
    [partition],
  )
  return row?.sequence ?? -1
}

import { RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { storable } from '../text/storable.ts'
import { type Gap, gapsBetween } from './gaps.ts'
import { type Place, placesOf } from './places.ts'
import { type StoredMessage, toLine } from './row.ts'

/** Selects messages of a room. Default: the newest ones. The cursors exclude each other. */
export interface PageQuery {
  room: string
  /** Id of a message of the room, or of a change of one: the page ends right before it. */
  before?: string
  /** Such an id: the page begins right after it. */
  after?: string
  /** Such an id: the page holds it, unless it is a change, and messages on both sides, if possible as many on each. */
  around?: string
  limit: number
}

export interface Page {
  /** JSON of each message, in the order of the log, whichever cursor was used. */
  lines: string[]
  /** Whether there are older messages before the page. */
  hasMoreBefore: boolean
  /** Whether there are newer messages after the page. */
  hasMoreAfter: boolean
  /** Places where messages are known to be missing: between two of the page, right before its first, or at the room's end. */
  gaps: Gap[]
}

interface Row extends StoredMessage {
  partition: number
  sequence: number
}

/** The rows of a page, and its bounds. */
interface Cut {
  rows: Row[]
  /** Sequences of the last message before the page and of the first one after it; undefined at the room's ends. */
  previous?: number | undefined
  next?: number | undefined
  partition?: number | undefined
}

export const columns =
  'id, room, sender_id, sender_name, text, at, via, cid, reply_to, meta, edited, deleted, reactions, extra'

/**
 * Returns a page of a room. A room without messages, which need not exist, has an empty page.
 * @throws RabbleError `bad-frame` if the cursor names no message of the room
 */
export async function pageOf(database: Database, query: PageQuery): Promise<Page> {
  const { rows, previous, next, partition } = await cutOf(database, query)
  return {
    lines: rows.map(toLine),
    hasMoreBefore: previous !== undefined,
    hasMoreAfter: next !== undefined,
    gaps: partition === undefined ? [] : await gapsBetween(database, partition, rows, previous, next),
  }
}

async function cutOf(
  database: Database,
  { before, after, around, limit, ...query }: PageQuery,
): Promise<Cut> {
  const room = storable(query.room)
  const id = before ?? after ?? around
  const cursor = id === undefined ? undefined : await find(database, query.room, id)
  // One row more than requested shows whether there are more.
  if (cursor === undefined) {
    const older = await olderThan(database, room, undefined, limit + 1)
    return { ...lastOf(older, limit), partition: older[0]?.partition }
  }
  const { sequence, partition, isMessage } = cursor
  if (before !== undefined) {
    const older = await olderThan(database, room, sequence, limit + 1)
    const next = isMessage ? sequence : (await newerThan(database, room, sequence, 1))[0]?.sequence
    return { ...lastOf(older, limit), next, partition }
  }
  if (after !== undefined) {
    const rows = await newerThan(database, room, sequence, limit + 1)
    const previous = isMessage ? sequence : (await olderThan(database, room, sequence, 1))[0]?.sequence
    return { rows: rows.slice(0, limit), previous, next: rows[limit]?.sequence, partition }
  }
  // Each side may have to fill what the other lacks.
  const [older, newer] = [
    await olderThan(database, room, sequence + 1, limit + 1),
    await newerThan(database, room, sequence, limit + 1),
  ]
  const behind = Math.min(newer.length, Math.max(Math.floor(limit / 2), limit - older.length))
  return {
    rows: [...older.slice(0, limit - behind).reverse(), ...newer.slice(0, behind)],
    previous: older[limit - behind]?.sequence,
    next: newer[behind]?.sequence,
    partition,
  }
}

/** Returns the newest `limit` of rows that are sorted newest first. */
function lastOf(rows: Row[], limit: number): Cut {
  return { rows: rows.slice(0, limit).reverse(), previous: rows[limit]?.sequence }
}

/** Returns rows newest first. */
function olderThan(
  database: Database,
  room: string,
  sequence: number | undefined,
  limit: number,
): Promise<Row[]> {
  return database.query<Row>(
    `select partition, sequence, ${columns} from history.messages
     where room = $1 ${sequence === undefined ? '' : 'and sequence < $3'} order by sequence desc limit $2`,
    [room, limit, ...(sequence === undefined ? [] : [sequence])],
  )
}

function newerThan(database: Database, room: string, sequence: number, limit: number): Promise<Row[]> {
  return database.query<Row>(
    `select partition, sequence, ${columns} from history.messages
     where room = $1 and sequence > $3 order by sequence limit $2`,
    [room, limit, sequence],
  )
}

async function find(database: Database, room: string, id: string): Promise<Place> {
  const place = (await placesOf(database, room, [id])).get(id)
  if (place === undefined) throw new RabbleError('bad-frame', 'the cursor names no message of this room')
  return place
}

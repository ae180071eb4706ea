import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'
import {
  type FeedPlace,
  type FeedPosition,
  firstPlace,
  formatPosition,
  parsePosition,
} from './feed-position.ts'
import { columns } from './page.ts'
import { type StoredMessage, toLine } from './row.ts'

/** A query for the events of all rooms that follow a position. */
export interface FeedQuery {
  /** A position that an earlier page gave; `first`: before all stored events; `now`: after them. */
  after: string
  /** Maximum number of events. */
  limit: number
  /** Only events of these rooms. */
  rooms?: readonly string[]
  /** Whether direct messages and notices to single users are included. */
  direct?: boolean
}

/**
 * Why events are missing before a page. `log-lost`: the log had lost them before history could store them. `retention`: they were
 * deleted for their age or number. `other-database`: the position is of another database, so the page begins with the first event.
 */
export type FeedGap = 'log-lost' | 'retention' | 'other-database'

export interface FeedPage {
  /** JSON of each event, and the position after it. Those of a partition are in the order of the log. */
  events: { position: string; line: string }[]
  /** Position after the page. */
  position: string
  /** Whether there is more to read now. */
  hasMore: boolean
  gap?: FeedGap
  /** End of all partitions at the time of the page, as `feedEnd` returns it. */
  end: string
}

/** Maximum number of events that are looked at in one partition, whether the query is for them or not. */
const scanned = 5_000
/** Maximum length of the events of a page, unless it has only one. */
const maxCharacters = 1024 * 1024

type Reader = Pick<Database, 'query'>

/** The end of a partition. */
interface Head {
  partition: number
  sequence: number
  /** Number of gaps. */
  gaps: number
  /** Highest sequence that retention has deleted. */
  retired: number
}

/** A partition, and what is to be read of it. */
interface Part {
  partition: number
  place: FeedPlace
  /** Sequence at which the reading ends: the head, or a gap that is to be told before what follows. */
  end: number
  hasGap: boolean
  head: number
}

/**
 * Returns the events that follow a position: messages as they are now, and the newest change of each message, where it is in the
 * log. A page has its share of each partition that has events, so none waits for another one. A gap is told with the page that
 * begins behind it. Reads one snapshot: retention may delete events meanwhile.
 * @throws RabbleError `bad-frame` if `after` is no position
 */
export async function feedOf(database: Database, query: FeedQuery): Promise<FeedPage> {
  const after = query.after === 'first' || query.after === 'now' ? query.after : parsePosition(query.after)
  return database.transaction(async (run) => {
    await run('set transaction isolation level repeatable read, read only')
    return pageAfter({ query: run }, after, query)
  })
}

/** Returns a text that differs once there are more events, or gaps. */
export async function feedEnd(database: Reader): Promise<string> {
  return endOf(await headsOf(database))
}

async function pageAfter(
  reader: Reader,
  after: FeedPosition | 'first' | 'now',
  query: FeedQuery,
): Promise<FeedPage> {
  const heads = await headsOf(reader)
  const id = await identityOf(reader)
  const known = typeof after === 'object' && after.database === id ? after.places : undefined
  const position: FeedPosition = { database: id, places: [] }
  for (const { partition, ...head } of heads) {
    while (position.places.length <= partition) position.places.push({ ...firstPlace })
    const fresh = after === 'now' ? head : { ...firstPlace, retired: head.retired }
    position.places[partition] = { ...(known === undefined ? fresh : (known[partition] ?? firstPlace)) }
  }
  const end = endOf(heads)
  if (after === 'now') return { events: [], position: formatPosition(position), hasMore: false, end }

  let gap: FeedGap | undefined = known === undefined && after !== 'first' ? 'other-database' : undefined
  const parts: Part[] = []
  for (const head of heads) {
    const place = position.places[head.partition] ?? { ...firstPlace }
    const part = await partOf(reader, head, place)
    parts.push(part)
    gap ??= part.gap
  }
  const events = await eventsOf(reader, parts, position, query)
  return {
    events,
    position: formatPosition(position),
    hasMore: parts.some(({ place, head, hasGap }) => place.sequence < head || hasGap),
    ...(gap !== undefined && { gap }),
    end,
  }
}

/** Moves a place over the gap that is next, if the place is at it, and tells up to where to read then. */
async function partOf(reader: Reader, head: Head, place: FeedPlace): Promise<Part & { gap?: FeedGap }> {
  const { partition } = head
  const gaps = await unknownGaps(reader, head, place.gaps)
  let gap: FeedGap | undefined
  if (place.sequence < head.retired && place.retired < head.retired) {
    gap = 'retention'
    place.retired = head.retired
  }
  const [next] = gaps
  // Before the place: the database was restored from a backup, and has events here that the reader doesn't know.
  if (next !== undefined && next <= place.sequence) {
    gap = 'log-lost'
    place.sequence = next
    place.gaps++
    gaps.shift()
  }
  const [end = head.sequence] = gaps
  const hasGap = gaps.length > 0
  return { partition, place, end, hasGap, head: head.sequence, ...(gap !== undefined && { gap }) }
}

/** Reads from each part, and moves its place in `position`. */
async function eventsOf(
  reader: Reader,
  parts: readonly Part[],
  position: FeedPosition,
  query: FeedQuery,
): Promise<FeedPage['events']> {
  const events: FeedPage['events'] = []
  let size = 0
  let left = query.limit
  const behind = ({ place, end }: Part) => Math.max(0, end - place.sequence)
  const waiting = parts.filter((part) => behind(part) > 0).sort((a, b) => behind(a) - behind(b))
  // Parts with less than their share leave the rest to the others.
  const shares = waiting.map((part, index) => {
    const share = Math.min(behind(part), Math.floor(left / (waiting.length - index)))
    left -= share
    return { part, share }
  })
  // The one that is most behind comes first, in case the page has no place for all.
  for (const { part, share } of shares.reverse()) {
    if (share === 0) continue
    const { place } = part
    const { rows, through } = await rowsOf(reader, part, share, query)
    for (const row of rows) {
      const line = row.change === null ? toLine(row) : restored(row.change)
      size += line.length
      if (size > maxCharacters && events.length > 0) return events
      place.sequence = row.sequence
      events.push({ position: formatPosition(position), line })
    }
    place.sequence = through
  }
  return events
}

interface Row extends StoredMessage {
  sequence: number
  /** Line of a change, instead of a message. */
  change: string | null
}

/** As many columns as a message has: its id and room, and nulls. */
const columnsOfChange = columns.replaceAll(/\b(?!(?:id|room)\b)\w+/g, 'null')

/** Returns up to `limit` events after the place of a part, and the sequence up to which there are no others. */
async function rowsOf(
  reader: Reader,
  { partition, place, end }: Part,
  limit: number,
  { rooms, direct = false }: FeedQuery,
): Promise<{ rows: Row[]; through: number }> {
  let from = place.sequence
  // Where retention has deleted much, the next event may be far away.
  if (end - from > scanned) from = ((await nextSequence(reader, partition, from)) ?? end + 1) - 1
  const to = Math.min(end, from + scanned)
  const where =
    'partition = $1 and sequence > $2 and sequence <= $3' +
    (direct ? '' : ` and room not like 'dm:%' and room not like 'user:%'`) +
    (rooms === undefined ? '' : ' and room = any($5)')
  const rows = await reader.query<Row>(
    `(select sequence, null as change, ${columns} from history.messages
      where ${where} order by sequence limit $4)
     union all
     (select sequence, line, ${columnsOfChange} from history.changes
      where ${where} and line is not null order by sequence limit $4)
     order by sequence limit $4`,
    [partition, from, to, limit, ...(rooms === undefined ? [] : [rooms.map(storable)])],
  )
  const last = rows.at(-1)
  return { rows, through: rows.length === limit && last !== undefined ? last.sequence : to }
}

async function nextSequence(reader: Reader, partition: number, sequence: number): Promise<number | null> {
  const [row] = await reader.query<{ next: number | null }>(
    `select least(
       (select min(sequence) from history.messages where partition = $1 and sequence > $2),
       (select min(sequence) from history.changes where partition = $1 and sequence > $2)) as next`,
    [partition, sequence],
  )
  return row?.next ?? null
}

function headsOf(reader: Reader): Promise<Head[]> {
  return reader.query<Head>(
    `select partition, sequence,
       (select count(*) from history.gaps where gaps.partition = positions.partition) as gaps,
       coalesce((select sequence from history.retired where retired.partition = positions.partition), 0) as retired
     from history.positions order by partition`,
    [],
  )
}

function endOf(heads: readonly Head[]): string {
  return heads.map(({ partition, sequence, gaps }) => `${partition}:${sequence}.${gaps}`).join(' ')
}

async function identityOf(reader: Reader): Promise<string> {
  const [row] = await reader.query<{ id: string }>('select id from history.identity', [])
  return row?.id ?? ''
}

/** Returns the sequences of the next two gaps behind those of which a reader was told. */
async function unknownGaps(reader: Reader, { partition, gaps }: Head, told: number): Promise<number[]> {
  if (gaps <= told) return []
  const rows = await reader.query<{ sequence: number }>(
    'select sequence from history.gaps where partition = $1 order by sequence offset $2 limit 2',
    [partition, told],
  )
  return rows.map(({ sequence }) => sequence)
}

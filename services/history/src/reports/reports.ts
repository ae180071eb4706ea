import { RabbleError, type ReportOutcome, type ReportsReply, type User } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'

type Reader = Pick<Database, 'query'>

/** Maximum number of open reports: of one user, and of all together. Moderators could not read more. */
export const maxOpen = { each: 20, all: 10_000 }
/** Time (days) for which a closed report is kept, and one that nobody closes. */
const kept = { closed: 30, open: 90 }
const rowsAtOnce = 500

interface Row {
  id: number
  message: string
  room: string
  author_id: string
  author_name: string
  text: string
  at: Date | null
  reporter_id: string
  reporter_name: string
  reason: string
  reported_at: Date
  closed_at: Date | null
  closed_by_id: string | null
  closed_by_name: string | null
  outcome: ReportOutcome | null
}

const columns =
  'id, message, room, author_id, author_name, text, at, reporter_id, reporter_name, reason, reported_at, closed_at, closed_by_id, closed_by_name, outcome'

/** Report that a user makes. */
export interface NewReport {
  room: string
  /** Id of the message. */
  message: string
  reason: string
  reporter: User
}

/**
 * Reports a message, as it is stored now, to the moderators. Returns the id of the report. A second report of the same user about the
 * same message is the first one.
 * @throws RabbleError `not-found` without such a message, or if it was deleted, `bad-frame` for an own one, `rate-limited`, `too-large`
 */
export async function report({ query }: Reader, wanted: NewReport): Promise<number> {
  const { room, message, reason, reporter } = wanted
  const by = storable(reporter.id)
  const id = storable(message)
  const inRoom = storable(room)
  const [found] = await query<{ sender_id: string }>(
    'select sender_id from history.messages where id = $1 and room = $2 and deleted is null',
    [id, inRoom],
  )
  if (found === undefined) throw new RabbleError('not-found', 'there is no such message in this room')
  if (found.sender_id === by) throw new RabbleError('bad-frame', 'nobody can report a message of their own')
  const earlier = await reportOf(query, id, by)
  if (earlier !== undefined) return earlier
  await checkNumber(query, by)
  const [row] = await query<{ id: number }>(
    `insert into history.reports (message, room, author_id, author_name, text, at, reporter_id, reporter_name, reason)
     select id, room, sender_id, sender_name, text, at, $3, $4, $5 from history.messages
     where id = $1 and room = $2 and deleted is null
     on conflict (message, reporter_id) do nothing returning id`,
    [id, inRoom, by, storable(reporter.name), reason],
  )
  const made = row?.id ?? (await reportOf(query, id, by))
  if (made === undefined) throw new RabbleError('not-found', 'this message was deleted')
  return made
}

async function reportOf(
  query: Reader['query'],
  message: string,
  reporter: string,
): Promise<number | undefined> {
  const [row] = await query<{ id: number }>(
    'select id from history.reports where message = $1 and reporter_id = $2',
    [message, reporter],
  )
  return row?.id
}

/** Requests that come at the same time may exceed the numbers a little. */
async function checkNumber(query: Reader['query'], reporter: string): Promise<void> {
  const [row] = await query<{ own: number; total: number }>(
    `select
       (select count(*) from (
         select from history.reports where reporter_id = $1 and closed_at is null limit $2
       ) own) as own,
       (select count(*) from (select from history.reports where closed_at is null limit $3) open) as total`,
    [reporter, maxOpen.each, maxOpen.all],
  )
  if ((row?.own ?? 0) >= maxOpen.each) {
    throw new RabbleError(
      'rate-limited',
      `moderators have not answered ${maxOpen.each} reports of this user yet`,
      { retryAfter: 10 * 60_000 },
    )
  }
  if ((row?.total ?? 0) >= maxOpen.all)
    throw new RabbleError('too-large', `there are already ${maxOpen.all} reports without an answer`)
}

export interface ReportsQuery {
  state: 'open' | 'closed'
  room?: string
  /** Id of the author of the messages. */
  user?: string
  /** Id of the last report of the page before. */
  after?: number
  limit: number
}

/** Returns reports, oldest first. */
export async function listReports(
  { query }: Reader,
  { state, room, user, after = 0, limit }: ReportsQuery,
): Promise<ReportsReply> {
  const filters = [
    ...(room === undefined ? [] : [{ column: 'room', value: storable(room) }]),
    ...(user === undefined ? [] : [{ column: 'author_id', value: storable(user) }]),
  ]
  const rows = await query<Row>(
    `select ${columns} from history.reports
     where closed_at is ${state === 'open' ? '' : 'not '}null and id > $1
       ${filters.map(({ column }, index) => `and ${column} = $${index + 3}`).join(' ')}
     order by id limit $2`,
    [after, limit + 1, ...filters.map(({ value }) => value)],
  )
  return { reports: rows.slice(0, limit).map(replyOf), hasMore: rows.length > limit }
}

/** Message of an open report, by the report's id; undefined if there is no such report. */
export async function openReport(
  { query }: Reader,
  id: number,
): Promise<{ message: string; room: string; author: string } | undefined> {
  const [row] = await query<{ message: string; room: string; author_id: string }>(
    'select message, room, author_id from history.reports where id = $1 and closed_at is null',
    [id],
  )
  return row && { message: restored(row.message), room: restored(row.room), author: restored(row.author_id) }
}

/** Closes all open reports about a message. */
export async function closeReports(
  { query }: Reader,
  message: string,
  outcome: ReportOutcome,
  by: User,
): Promise<void> {
  await query(
    `update history.reports set closed_at = now(), closed_by_id = $2, closed_by_name = $3, outcome = $4
     where message = $1 and closed_at is null`,
    [storable(message), storable(by.id), storable(by.name), outcome],
  )
}

/** Deletes the reports by a user, and those about the user's messages. */
export async function forgetReports({ query }: Reader, user: string): Promise<void> {
  await query('delete from history.reports where author_id = $1 or reporter_id = $1', [storable(user)])
}

/** Deletes some of the reports that were kept long enough. Returns their number: 0 once there are none. */
export async function trimReports({ query }: Reader): Promise<number> {
  const rows = await query(
    `delete from history.reports where id in (
       select id from history.reports
       where closed_at < now() - $1::int * interval '1 day' or reported_at < now() - $2::int * interval '1 day'
       order by id limit $3
     ) returning id`,
    [kept.closed, kept.open, rowsAtOnce],
  )
  return rows.length
}

function replyOf(row: Row): ReportsReply['reports'][number] {
  const { id, reason, closed_at, outcome } = row
  return {
    id,
    room: restored(row.room),
    message: {
      id: restored(row.message),
      from: { id: restored(row.author_id), name: restored(row.author_name) },
      text: restored(row.text),
      ...(row.at !== null && { at: row.at.toISOString() }),
    },
    reason,
    by: { id: restored(row.reporter_id), name: restored(row.reporter_name) },
    at: row.reported_at.toISOString(),
    ...(closed_at !== null &&
      outcome !== null && {
        closed: {
          outcome,
          by: { id: restored(row.closed_by_id ?? ''), name: restored(row.closed_by_name ?? '') },
          at: closed_at.toISOString(),
        },
      }),
  }
}

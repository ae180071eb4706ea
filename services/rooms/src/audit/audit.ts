import { type AuditReply, RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { AuditEntry } from '../api.ts'

/** Characters of JSON. */
const longestDetail = 4_000

/** Writes entries, in the transaction of what they are about. */
export async function recordAudit(query: Database['query'], entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return
  await query(
    `insert into rooms.audit (actor_id, actor_name, action, room, user_id, detail)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])`,
    [
      entries.map(({ actor }) => storable(actor.id)),
      entries.map(({ actor }) => storable(actor.name)),
      entries.map(({ action }) => action),
      entries.map(({ room }) => (room === undefined ? null : storable(room))),
      entries.map(({ user }) => (user === undefined ? null : storable(user))),
      entries.map(({ detail }) => (detail === undefined ? null : jsonOf(detail))),
    ],
  )
}

/** Of refused logins, names are whatever somebody tried: PostgreSQL's text holds no U+0000 and no lone surrogates. */
function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed()
}

function jsonOf(detail: Record<string, unknown>): string {
  const json = JSON.stringify(detail)
  return json.length > longestDetail ? JSON.stringify({ tooLong: json.length }) : json
}

export interface AuditQuery {
  /** The id of an entry: those before it. */
  before?: number
  limit: number
  /** Whom it is about. */
  user?: string
  /** Who did it. */
  actor?: string
  room?: string
  action?: string
}

/** The newest entries, newest first. */
export async function auditOf(
  database: Pick<Database, 'query'>,
  { before, limit, ...filters }: AuditQuery,
): Promise<AuditReply> {
  const { user, actor, room, action } = filters
  const conditions: string[] = []
  const params: unknown[] = [limit + 1]
  const columns = {
    'id <': before,
    'user_id =': user,
    'actor_id =': actor,
    'room =': room,
    'action =': action,
  }
  for (const [condition, value] of Object.entries(columns)) {
    if (value === undefined) continue
    params.push(typeof value === 'string' ? storable(value) : value)
    conditions.push(`${condition} $${params.length}`)
  }
  const rows = await database.query<{
    id: number
    at: Date
    actor_id: string
    actor_name: string
    action: string
    room: string | null
    user_id: string | null
    detail: string | null
  }>(
    `select id, at, actor_id, actor_name, action, room, user_id, detail from rooms.audit
     ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`} order by id desc limit $1`,
    params,
  )
  const entries = rows.slice(0, limit).map((row) => ({
    id: row.id,
    at: row.at.toISOString(),
    actor: { id: row.actor_id, name: row.actor_name },
    action: row.action,
    ...(row.room !== null && { room: row.room }),
    ...(row.user_id !== null && { user: row.user_id }),
    ...(row.detail !== null && { detail: JSON.parse(row.detail) as Record<string, unknown> }),
  }))
  return { entries, hasMore: rows.length > limit }
}

/** What somebody who is no moderator may do within an hour. */
export interface HourlyLimits {
  /** Rooms created. */
  rooms: number
  /** Anything that is audited. */
  acts: number
}

export const defaultHourlyLimits: HourlyLimits = { rooms: 20, acts: 500 }

/**
 * Whether somebody may do one more thing. Everything that counts leaves an entry in the same transaction; two transactions
 * of one user follow each other.
 * @throws RabbleError `rate-limited`
 */
export async function checkHourlyLimits(
  query: Database['query'],
  actor: string,
  action: string,
  limits: HourlyLimits,
): Promise<void> {
  await query("select pg_advisory_xact_lock(hashtextextended('rabble acts of ' || $1, 0))", [actor])
  const [row] = await query<{ acts: number; rooms: number }>(
    `select count(*) as acts, count(*) filter (where action = 'room.create') as rooms
     from (select action, at from rooms.audit where actor_id = $1 order by id desc limit $2) recent
     where at > now() - interval '1 hour'`,
    [actor, limits.acts],
  )
  const retryAfter = 10 * 60_000
  if ((row?.acts ?? 0) >= limits.acts) {
    throw new RabbleError('rate-limited', `no more than ${limits.acts} such things an hour`, { retryAfter })
  }
  if (action === 'room.create' && (row?.rooms ?? 0) >= limits.rooms) {
    throw new RabbleError('rate-limited', `no more than ${limits.rooms} new rooms an hour`, { retryAfter })
  }
}

/** Days for which refused logins are kept at most: who tries names for a year must not fill it. */
export const refusalDays = 30

/** Deletes the oldest entries, of one action or all, up to 1,000, as far as they are older than `days`; how many went. */
export async function trimAudit(
  database: Pick<Database, 'query'>,
  days: number,
  action?: string,
): Promise<number> {
  const rows = await database.query(
    `with oldest as (
       select id, at from rooms.audit ${action === undefined ? '' : 'where action = $2'} order by id limit 1000
     ) delete from rooms.audit using oldest
     where audit.id = oldest.id and oldest.at < now() - $1::int * interval '1 day' returning 1`,
    [days, ...(action === undefined ? [] : [action])],
  )
  return rows.length
}

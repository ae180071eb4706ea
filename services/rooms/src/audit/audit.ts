import { type AuditReply, RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { AuditEntry } from '../api.ts'

/** Maximum length of the JSON of `detail`, in characters. */
const longestDetail = 4_000

/** Writes entries, in the transaction of the actions that they record. */
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

/** Replaces what PostgreSQL can't store: U+0000 and lone surrogates. Refused logins may contain any name. */
function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed()
}

function jsonOf(detail: Record<string, unknown>): string {
  const json = JSON.stringify(detail)
  return json.length > longestDetail ? JSON.stringify({ tooLong: json.length }) : json
}

export interface AuditQuery {
  /** Id of an entry: only earlier entries are returned. */
  before?: number
  limit: number
  /** Id of the affected user. */
  user?: string
  /** Id of the acting user. */
  actor?: string
  room?: string
  action?: string
}

/** Returns the newest entries, newest first. */
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

/** Limits per hour for a user who is not a moderator. */
export interface HourlyLimits {
  /** Rooms created. */
  rooms: number
  /** Audited actions. */
  acts: number
}

export const defaultHourlyLimits: HourlyLimits = { rooms: 20, acts: 500 }

/**
 * Checks whether a user may carry out one more action. Every counted action records an entry in the same transaction, and
 * transactions of one user run one after another.
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
    throw new RabbleError('rate-limited', `no more than ${limits.acts} such changes an hour`, { retryAfter })
  }
  if (action === 'room.create' && (row?.rooms ?? 0) >= limits.rooms) {
    throw new RabbleError('rate-limited', `no more than ${limits.rooms} new rooms an hour`, { retryAfter })
  }
}

/** Maximum number of days for which refused logins are kept: a year of attempts must not fill the audit. */
export const refusalDays = 30

/** Deletes up to 1,000 of the oldest entries (of one action, or of all) that are older than `days`. Returns their number. */
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

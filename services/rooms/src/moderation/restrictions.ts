import { RabbleError, type RestrictionReply } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { checkModerator, isModerator } from '@rabble/service'
import type { UserPolicy } from '../api.ts'
import { type PolicyEntry, putPolicies } from '../policies/policies.ts'
import { lockRoom } from '../rooms/room-rows.ts'
import { checkOwner } from './authorization.ts'
import type { Change } from './changes.ts'

export type RestrictionKind = UserPolicy['kind']

/** Maximum number of bans and mutes in force in one room that its owner may set. Gateways keep all of them in memory. */
const most = 1_000

interface Row {
  id: number
  kind: RestrictionKind
  user_id: string
  room: string | null
  reason: string
  by_id: string
  by_name: string
  created_at: Date
  expires_at: Date | null
}

const columns = 'id, kind, user_id, room, reason, by_id, by_name, created_at, expires_at'
/** Actions recorded in the audit when a restriction is lifted. */
const ends = { ban: 'unban', mute: 'unmute' } as const

/** @throws RabbleError `forbidden`, `room-not-found` */
export async function checkPlace({ query, caller }: Change, room: string | undefined): Promise<void> {
  if (room === undefined) checkModerator(caller)
  else await checkOwner(query, caller, await lockRoom(query, room, 'share'))
}

/** Returns the message for a user who is kicked. */
export function kickMessage(what: string, reason: string): string {
  return reason === '' ? what : `${what}: ${reason}`
}

/**
 * Bans or mutes a user in a room or everywhere, for a limited time or permanently. Replaces an earlier restriction of the same
 * kind in the same place.
 * @throws RabbleError `forbidden`, `room-not-found`, `too-large`
 */
export async function restrict(
  change: Change,
  wanted: { kind: RestrictionKind; user: string; room?: string; seconds?: number; reason: string },
): Promise<RestrictionReply> {
  const { query, caller } = change
  const { kind, user, room, seconds, reason } = wanted
  await checkPlace(change, room)
  const [row] = await query<Row>(
    `insert into rooms.restrictions (kind, user_id, room, reason, by_id, by_name, expires_at)
     values ($1, $2, $3, $4, $5, $6, now() + $7::bigint * interval '1 second')
     on conflict (user_id, kind, coalesce(room, '')) do update set reason = excluded.reason, by_id = excluded.by_id,
       by_name = excluded.by_name, created_at = now(), expires_at = excluded.expires_at
     returning ${columns}`,
    [kind, user, room ?? null, reason, caller.user.id, caller.user.name, seconds ?? null],
  )
  if (row === undefined) throw new Error('a restriction was not written')
  if (room !== undefined && !isModerator(caller)) await checkNumber(query, room)
  change.policy({ key: keyOf(row.id), policy: policyOf(row) })
  change.record({
    action: kind,
    user,
    ...(room !== undefined && { room }),
    detail: { id: row.id, reason, ...(seconds !== undefined && { seconds }) },
  })
  if (kind === 'ban') {
    const message = kickMessage('this user was banned', reason)
    change.signal({ type: 'kick', user, ...(room !== undefined && { room }), message })
  }
  return replyOf(row)
}

/**
 * Bans a user everywhere for some seconds, without asking who may do that, and puts the user out at once. A ban that lasts longer stays
 * as it is.
 */
export async function keepOut(
  { query, caller, policy, signal }: Change,
  user: string,
  seconds: number,
  reason: string,
): Promise<void> {
  const [row] = await query<Row>(
    `insert into rooms.restrictions as mine (kind, user_id, reason, by_id, by_name, expires_at)
     values ('ban', $1, $2, $3, $4, now() + $5::bigint * interval '1 second')
     on conflict (user_id, kind, coalesce(room, '')) do update set
       expires_at = case when mine.expires_at is not null then greatest(mine.expires_at, excluded.expires_at) end
     returning ${columns}`,
    [user, reason, caller.user.id, caller.user.id === user ? '' : caller.user.name, seconds],
  )
  if (row === undefined) throw new Error('a restriction was not written')
  policy({ key: keyOf(row.id), policy: policyOf(row) })
  signal({ type: 'kick', user, message: reason })
}

async function checkNumber(query: Database['query'], room: string): Promise<void> {
  const [row] = await query<{ count: number }>(
    `select count(*) from (select from rooms.restrictions where room = $1 limit ${most + 1}) own`,
    [room],
  )
  if ((row?.count ?? 0) > most) {
    throw new RabbleError('too-large', `a room has no more than ${most} bans and mutes`)
  }
}

/**
 * Lifts a ban or mute.
 * @throws RabbleError `not-found`, also for a restriction that the caller may not lift: an id must reveal nothing
 */
export async function lift(change: Change, kind: RestrictionKind, id: number): Promise<void> {
  const { query, caller } = change
  const [found] = await query<{ room: string | null }>(
    'select room from rooms.restrictions where id = $1 and kind = $2',
    [id, kind],
  )
  const missing = () => new RabbleError('not-found', `there is no such ${kind}`)
  if (found === undefined) throw missing()
  // Moderators can also lift restrictions in a room that was forgotten meanwhile.
  if (!isModerator(caller)) {
    await checkPlace(change, found.room ?? undefined).catch((error: unknown) => {
      throw error instanceof RabbleError && isRefusal(error) ? missing() : error
    })
  }
  const [row] = await query<Row>(
    `delete from rooms.restrictions where id = $1 and kind = $2 returning ${columns}`,
    [id, kind],
  )
  if (row === undefined) throw missing()
  change.policy({ key: keyOf(id), policy: null })
  change.record({
    action: ends[kind],
    user: row.user_id,
    ...(row.room !== null && { room: row.room }),
    detail: { id, reason: row.reason },
  })
}

function isRefusal({ code }: RabbleError): boolean {
  return code === 'forbidden' || code === 'room-not-found'
}

export interface RestrictionsQuery {
  kind: RestrictionKind
  user?: string
  room?: string
  /** Id of the last restriction of the previous page. */
  after?: number
  limit: number
}

/** Returns the restrictions that are in force, oldest first. */
export async function listRestrictions(
  { query }: Pick<Database, 'query'>,
  { kind, user, room, after = 0, limit }: RestrictionsQuery,
): Promise<{ restrictions: RestrictionReply[]; hasMore: boolean }> {
  const filters = [
    ...(user === undefined ? [] : [{ column: 'user_id', value: user }]),
    ...(room === undefined ? [] : [{ column: 'room', value: room }]),
  ]
  const rows = await query<Row>(
    `select ${columns} from rooms.restrictions
     where kind = $1 and id > $2 and (expires_at is null or expires_at > now())
       ${filters.map(({ column }, index) => `and ${column} = $${index + 4}`).join(' ')}
     order by id limit $3`,
    [kind, after, limit + 1, ...filters.map(({ value }) => value)],
  )
  return { restrictions: rows.slice(0, limit).map(replyOf), hasMore: rows.length > limit }
}

/** Returns which of some users are muted in a room, or everywhere. */
export async function mutedIn(
  query: Database['query'],
  room: string,
  users: readonly string[],
): Promise<Set<string>> {
  const rows = await query<{ user: string }>(
    `select user_id as user from rooms.restrictions
     where kind = 'mute' and user_id = any($1) and (room is null or room = $2)
       and (expires_at is null or expires_at > now())`,
    [users, room],
  )
  return new Set(rows.map(({ user }) => user))
}

/** Removes up to 500 expired restrictions. Returns their number. Gateways check the time themselves, so no signal is needed. */
export async function expireRestrictions(database: Pick<Database, 'transaction'>): Promise<number> {
  return database.transaction(async (query) => {
    const rows = await query<{ id: number }>(
      `delete from rooms.restrictions where id in (
         select id from rooms.restrictions where expires_at < now() order by expires_at limit 500
         for update skip locked
       ) returning id`,
      [],
    )
    const entries = rows.map(({ id }): PolicyEntry => ({ key: keyOf(id), policy: null }))
    if (entries.length > 0) await putPolicies(query, entries)
    return rows.length
  })
}

function keyOf(id: number): string {
  return `restriction:${id}`
}

function policyOf({ kind, user_id, room, reason, expires_at }: Row): UserPolicy {
  return {
    kind,
    user: user_id,
    ...(room !== null && { room }),
    ...(expires_at !== null && { expiresAt: expires_at.getTime() }),
    ...(reason !== '' && { reason }),
  }
}

function replyOf(row: Row): RestrictionReply {
  return {
    id: row.id,
    user: row.user_id,
    ...(row.room !== null && { room: row.room }),
    reason: row.reason,
    by: { id: row.by_id, name: row.by_name },
    at: row.created_at.toISOString(),
    ...(row.expires_at !== null && { expiresAt: row.expires_at.toISOString() }),
  }
}

import type { UserRecord } from '@rabble/contract'
import type { Database } from '@rabble/database'

/** Maximum number of entries of each kind in a record, which is one answer. */
const most = 20_000

/** Returns what this service knows of a user, besides the audit; undefined if that is too much for one answer. */
export async function recordOf(query: Database['query'], user: string): Promise<UserRecord | undefined> {
  const find = <Row>(sql: string) => query<Row>(`${sql} limit ${most + 1}`, [user])
  const names = await find<{ name: string }>(
    'select distinct name from rooms.names where user_id = $1 and expires_at > now() order by name',
  )
  const sessions = await find<{
    name: string
    guest: boolean
    created_at: Date
    used_at: Date
    expires_at: Date
  }>(
    `select name, guest, created_at, used_at, expires_at from rooms.sessions
     where user_id = $1 and expires_at > now() order by created_at`,
  )
  const rooms = await find<{ name: string }>(
    'select name from rooms.rooms where created_by = $1 order by name',
  )
  const invitations = await find<{ room: string; invited_at: Date }>(
    'select room, invited_at from rooms.invitations where user_id = $1 order by room',
  )
  const restrictions = await find<{
    kind: 'ban' | 'mute'
    room: string | null
    reason: string
    created_at: Date
    expires_at: Date | null
  }>(
    `select kind, room, reason, created_at, expires_at from rooms.restrictions
     where user_id = $1 and (expires_at is null or expires_at > now()) order by id`,
  )
  if ([names, sessions, rooms, invitations, restrictions].some(({ length }) => length > most))
    return undefined
  return {
    names: names.map(({ name }) => name),
    sessions: sessions.map(({ name, guest, created_at, used_at, expires_at }) => ({
      name,
      guest,
      createdAt: created_at.toISOString(),
      usedAt: used_at.toISOString(),
      expiresAt: expires_at.toISOString(),
    })),
    rooms: rooms.map(({ name }) => name),
    invitations: invitations.map(({ room, invited_at }) => ({ room, at: invited_at.toISOString() })),
    restrictions: restrictions.map(({ kind, room, reason, created_at, expires_at }) => ({
      kind,
      ...(room !== null && { room }),
      reason,
      at: created_at.toISOString(),
      ...(expires_at !== null && { expiresAt: expires_at.toISOString() }),
    })),
  }
}

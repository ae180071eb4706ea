import type { Database } from '@rabble/database'
import type { HiddenPage, Reader } from '../api.ts'

/**
 * Returns those of some rooms whose messages a user may read: those that it may enter. A room that does not exist was open,
 * since an invite-only room remains when it is deleted (see `deleteRoom`).
 */
export async function readableOf(
  query: Database['query'],
  rooms: readonly string[],
  { user, moderator = false }: Reader,
): Promise<string[]> {
  if (moderator) return [...rooms]
  const closed = await query<{ name: string }>(
    `select name from rooms.rooms where name = any($1) and access = 'invite'
       and (created_by = $2) is not true
       and not exists (select from rooms.invitations where room = name and user_id = $2)
     union
     select name from rooms.restrictions join unnest($1::text[]) as wanted (name) on room is null or room = name
     where kind = 'ban' and user_id = $2 and (expires_at is null or expires_at > now())`,
    [rooms, user ?? null],
  )
  const names = new Set(closed.map(({ name }) => name))
  return rooms.filter((room) => !names.has(room))
}

/**
 * Returns all rooms that a user may not read, by name, by the rules of `readableOf`. `onlyUsers`: reading needs a token, so
 * that a ban hides open rooms too.
 */
export async function hiddenFrom(
  query: Database['query'],
  user: string | undefined,
  { after, onlyUsers, limit = 5_000 }: { after: string; onlyUsers: boolean; limit?: number },
): Promise<HiddenPage> {
  const bans = await query<{ room: string | null }>(
    `select room from rooms.restrictions
     where kind = 'ban' and user_id = $1 and (expires_at is null or expires_at > now())`,
    [user ?? null],
  )
  const everywhere = bans.some(({ room }) => room === null)
  if (everywhere && onlyUsers) return { everything: true, names: [] }
  const rows = await query<{ name: string }>(
    `select name from rooms.rooms where name > $3 and access = 'invite' and (
       $2::boolean or name = any($4::text[]) or ((created_by = $1) is not true
         and not exists (select from rooms.invitations where room = name and user_id = $1)))
     ${onlyUsers ? 'union select name collate "C" from unnest($4::text[]) as banned (name) where name collate "C" > $3' : ''}
     order by name limit $5`,
    [user ?? null, everywhere, after, bans.flatMap(({ room }) => room ?? []), limit],
  )
  const names = rows.map(({ name }) => name)
  const last = names.at(-1)
  return { everything: false, names, ...(names.length === limit && last !== undefined && { next: last }) }
}

import type { Database } from '@rabble/database'

/** Who wants to read; nobody in particular without `user`. */
export interface Reader {
  /** The user's id. */
  user?: string
  moderator?: boolean
}

/**
 * Those of some rooms whose messages somebody may read: as who may enter them. A room that there is not was for everybody:
 * one for those who are invited doesn't go when it is deleted (see `deleteRoom`).
 */
export async function readableOf(
  query: Database['query'],
  rooms: readonly string[],
  { user, moderator = false }: Reader,
): Promise<string[]> {
  if (moderator) return [...rooms]
  const closed = await query<{ name: string }>(
    `select name from rooms.rooms where name = any($1) and access = 'invite'
       and created_by is distinct from $2
       and not exists (select from rooms.invitations where room = name and user_id = $2)
     union
     select name from rooms.restrictions join unnest($1::text[]) as wanted (name) on room is null or room = name
     where kind = 'ban' and user_id = $2 and (expires_at is null or expires_at > now())`,
    [rooms, user ?? null],
  )
  const names = new Set(closed.map(({ name }) => name))
  return rooms.filter((room) => !names.has(room))
}

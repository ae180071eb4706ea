import type { Database } from '@rabble/database'

/** Whether a ban keeps a user out of a room or, without `room`, out of everything. A ban from everything holds in each room. */
export async function isBanned(query: Database['query'], user: string, room?: string): Promise<boolean> {
  const bans = await query(
    `select from rooms.restrictions
     where kind = 'ban' and user_id = $1 and (room is null or room = $2)
       and (expires_at is null or expires_at > now()) limit 1`,
    [user, room ?? null],
  )
  return bans.length > 0
}

import type { Member, User } from '@rabble/contract'
import type { Database } from '@rabble/database'

export interface Members {
  /** Users in the order of their ids, each once however many sessions and gateways it has. */
  users: Member[]
  /** Total number of users in the room. */
  count: number
  /** Whether there are more users after these. */
  hasMore: boolean
}

interface Row {
  count: number
  owner: string | null
  id: string | null
  name: string
  moderator: boolean
}

/** Returns up to `limit` users who are in a room now, over all gateways, after the user id `after`. */
export async function membersOf(
  database: Pick<Database, 'query'>,
  { room, limit, after = '' }: { room: string; limit: number; after?: string },
): Promise<Members> {
  // One statement, so that users and count are of the same moment.
  const rows = await database.query<Row>(
    `select coalesce((select users from rooms.presence where room = $1), 0) as count,
       (select created_by from rooms.rooms where name = $1) as owner, id, name, moderator
     from (select 1) now left join lateral (
       select user_id as id, (array_agg(user_name order by gateway))[1] as name, bool_or(moderator) as moderator
       from rooms.seats where room = $1 and user_id > $2 group by user_id order by user_id limit $3 + 1
     ) seats on true
     order by id`,
    [room, after, limit],
  )
  const users = rows
    .slice(0, limit)
    .flatMap(({ id, name, owner, moderator }) =>
      id === null ? [] : [memberOf({ id, name }, { isOwner: id === owner, moderator })],
    )
  return { users, count: rows[0]?.count ?? 0, hasMore: rows.length > limit }
}

/** Returns a user with its role in a room. */
export function memberOf(
  user: User,
  { isOwner, moderator }: { isOwner: boolean; moderator: boolean },
): Member {
  if (isOwner) return { ...user, role: 'owner' }
  return moderator ? { ...user, role: 'moderator' } : user
}

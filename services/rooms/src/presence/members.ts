import type { User } from '@rabble/contract'
import type { Database } from '@rabble/database'

export interface Members {
  /** Users in the order of their ids, each once however many sessions and gateways it has. */
  users: User[]
  /** Total number of users in the room. */
  count: number
  /** Whether there are more users after these. */
  hasMore: boolean
}

interface Row {
  count: number
  id: string | null
  name: string
}

/** Returns up to `limit` users who are in a room now, over all gateways, after the user id `after`. */
export async function membersOf(
  database: Pick<Database, 'query'>,
  { room, limit, after = '' }: { room: string; limit: number; after?: string },
): Promise<Members> {
  // One statement, so that users and count are of the same moment.
  const rows = await database.query<Row>(
    `select coalesce((select users from rooms.presence where room = $1), 0) as count, id, name
     from (select 1) now left join lateral (
       select distinct on (user_id) user_id as id, user_name as name from rooms.seats
       where room = $1 and user_id > $2 order by user_id, gateway limit $3 + 1
     ) seats on true
     order by id`,
    [room, after, limit],
  )
  const users = rows.slice(0, limit).flatMap(({ id, name }) => (id === null ? [] : [{ id, name }]))
  return { users, count: rows[0]?.count ?? 0, hasMore: rows.length > limit }
}

import type { Database } from '@rabble/database'
import type { RetentionPage } from '../api.ts'
import { type RoomRow, retentionOf } from './room-rows.ts'

/** Returns the retention of rooms after a name. */
export async function retentionsAfter(
  { query }: Pick<Database, 'query'>,
  after: string,
  limit = 1000,
): Promise<RetentionPage> {
  const rows = await query<Pick<RoomRow, 'name' | 'retention_age' | 'retention_messages'>>(
    `select name, retention_age, retention_messages from rooms.rooms
     where (retention_age is not null or retention_messages is not null) and name > $1 order by name limit $2`,
    [after, limit],
  )
  const last = rows.at(-1)
  return {
    rooms: Object.fromEntries(rows.map((row) => [row.name, retentionOf(row)])),
    ...(rows.length === limit && last !== undefined && { next: last.name }),
  }
}

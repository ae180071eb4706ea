import type { Conversation } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'
import { throughOf } from './through.ts'

export interface DirectRooms {
  /** Offsets of the log, by partition, up to which the list is complete; null if nothing of the partition is stored yet. */
  through: (number | null)[]
  /** Newest messages first. */
  rooms: Conversation[]
}

/** Returns up to `limit` rooms with direct messages to or from a user, newest messages first. */
export async function directRoomsOf(
  database: Database,
  partitions: number,
  user: string,
  limit: number,
): Promise<DirectRooms> {
  // Read before the list, so that the offsets are never ahead of it.
  const through = await throughOf(database, partitions)
  const rooms = await database.query<Conversation>(
    `select room, last_id as last from history.conversations join history.rooms using (room)
     where user_id = $1 and room >= 'dm:' and room < 'dm;' and last_id is not null
     order by last_at desc, room limit $2`,
    [storable(user), limit],
  )
  return { through, rooms: rooms.map(({ room, last }) => ({ room: restored(room), last: restored(last) })) }
}

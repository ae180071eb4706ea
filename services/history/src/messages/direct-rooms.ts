import type { Conversation } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'

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
  const positions = await database.query<{ partition: number; log_offset: number | null }>(
    'select partition, log_offset from history.positions',
  )
  const rooms = await database.query<Conversation>(
    'select room, last_id as last from history.direct_rooms where user_id = $1 order by at desc, room limit $2',
    [storable(user), limit],
  )
  const through: (number | null)[] = new Array(partitions).fill(null)
  for (const { partition, log_offset } of positions) {
    if (partition < partitions) through[partition] = log_offset
  }
  return { through, rooms: rooms.map(({ room, last }) => ({ room: restored(room), last: restored(last) })) }
}

import type { Conversation } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'

export interface DirectRooms {
  /** Of each partition, the offset of the log up to which the list is complete; null if nothing of it is stored yet. */
  through: (number | null)[]
  /** The newest first. */
  rooms: Conversation[]
}

/** Returns the rooms of direct messages in which something was said to or by a user last, at most `limit`. */
export async function directRoomsOf(
  database: Database,
  partitions: number,
  user: string,
  limit: number,
): Promise<DirectRooms> {
  // Before the list, so that it is never ahead of it.
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

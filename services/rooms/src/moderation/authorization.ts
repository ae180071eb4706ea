import { RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { type Identity, isModerator } from '@rabble/service'
import type { RoomRow } from '../rooms/room-rows.ts'
import { isBanned } from './bans.ts'

/**
 * Checks that the caller is a moderator or owns the room. An owner who is banned from the room can't lift that ban.
 * @throws RabbleError `forbidden`
 */
export async function checkOwner(
  query: Database['query'],
  caller: Identity,
  room: Pick<RoomRow, 'name' | 'created_by'>,
): Promise<void> {
  if (isModerator(caller)) return
  const { id } = caller.user
  if (room.created_by === id && !(await isBanned(query, id, room.name))) return
  throw new RabbleError('forbidden', 'only moderators and the owner of the room may do this')
}

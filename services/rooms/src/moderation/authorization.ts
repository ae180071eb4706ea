import { RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { Identity } from '@rabble/service'
import type { RoomRow } from '../rooms/room-rows.ts'
import { isBanned } from './bans.ts'

/** Whether a caller is a moderator. Moderators may do anything; the creator of a room may do anything that concerns the room. */
export function isModerator({ roles }: Pick<Identity, 'roles'>): boolean {
  return roles.includes('moderator')
}

/** @throws RabbleError `forbidden` */
export function checkModerator(caller: Identity): void {
  if (!isModerator(caller)) throw new RabbleError('forbidden', 'only moderators may do this')
}

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

import { RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { Identity } from '@rabble/service'
import type { RoomRow } from '../rooms/room-rows.ts'
import { isBanned } from './bans.ts'

/** Who may do what: moderators anything, whoever created a room what concerns that room. */
export function isModerator({ roles }: Pick<Identity, 'roles'>): boolean {
  return roles.includes('moderator')
}

/** @throws RabbleError `forbidden` */
export function checkModerator(caller: Identity): void {
  if (!isModerator(caller)) throw new RabbleError('forbidden', 'this is for moderators')
}

/**
 * Who is banned from a room can't lift that as its owner.
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
  throw new RabbleError('forbidden', 'this is for moderators and who created the room')
}

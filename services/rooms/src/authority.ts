import { RabbleError } from '@rabble/contract'
import type { Identity } from '@rabble/service'
import type { RoomRow } from './room-rows.ts'

/** Who may do what: moderators anything, whoever created a room what concerns that room. */
export function isModerator({ roles }: Pick<Identity, 'roles'>): boolean {
  return roles.includes('moderator')
}

/** @throws RabbleError `forbidden` */
export function checkModerator(caller: Identity): void {
  if (!isModerator(caller)) throw new RabbleError('forbidden', 'this is for moderators')
}

/** @throws RabbleError `forbidden` */
export function checkOwner(caller: Identity, room: Pick<RoomRow, 'created_by'>): void {
  if (isModerator(caller) || room.created_by === caller.user.id) return
  throw new RabbleError('forbidden', 'this is for moderators and who created the room')
}

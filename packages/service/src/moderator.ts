import { RabbleError } from '@rabble/contract'
import type { Identity } from './tokens.ts'

/** Whether a caller is a moderator. Moderators may do anything; the creator of a room may do anything that concerns the room. */
export function isModerator({ roles }: Pick<Identity, 'roles'>): boolean {
  return roles.includes('moderator')
}

/** @throws RabbleError `forbidden` */
export function checkModerator(caller: Pick<Identity, 'roles'>): void {
  if (!isModerator(caller)) throw new RabbleError('forbidden', 'only moderators may do this')
}

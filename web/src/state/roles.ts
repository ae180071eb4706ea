import { computed } from '@preact/signals'
import { infoOf } from './room-info.ts'
import { peerOf } from './rooms.ts'
import { me, roles } from './session.ts'

/** Whether this user is a moderator, by the token of the session. The server decides on each request. */
export const isModerator = computed(() => roles.value.includes('moderator'))

/** Whether this user may moderate a room: as a moderator, or as its owner. */
export function mayModerate(room: string): boolean {
  const owner = infoOf(room)?.createdBy
  return isModerator.value || (owner !== undefined && owner === me.value?.id)
}

/** Whether this user may invite others into a room, which is one for invited users. */
export function mayInvite(room: string): boolean {
  return infoOf(room)?.access === 'invite' && mayModerate(room)
}

/** Whether this user may mention everybody in a room: where the room allows it, as its owner, or as a moderator. */
export function mayMentionAll(room: string): boolean {
  return peerOf(room) === undefined && (infoOf(room)?.mentionAll === true || mayModerate(room))
}

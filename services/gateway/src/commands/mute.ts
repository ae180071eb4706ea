import type { Command } from './command.ts'
import { acknowledge, type PersonalParts } from './personal.ts'
import { type ConversationParts, checkConversation } from './read.ts'

export interface MuteParts extends ConversationParts, PersonalParts {}

/** Mutes a conversation for the user, or ends that. */
export const mute: Command<'mute', MuteParts> = (parts, session, { room, muted, ref }) => {
  checkConversation(parts, session, room)
  session.takePersonal()
  const user = session.user.id
  acknowledge(parts, session, parts.memberships.publish({ type: 'mute', room, user, muted }), ref)
}

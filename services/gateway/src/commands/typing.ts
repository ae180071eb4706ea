import type { TypingSignal } from '@rabble/contract'
import { checkWritable } from '../messages/access.ts'
import type { Command } from './command.ts'

/** Tells the room's members on all gateways, over signals: it may get lost and is never stored. */
export const typing: Command<'typing'> = (context, session, { room }) => {
  const { user } = session
  if (user === undefined) return
  checkWritable(room, user, session)
  context.rooms?.policies.checkVoice(user.id, room)
  if (session.takeTyping(room)) context.log.signal({ type: 'typing', room, user } satisfies TypingSignal)
}

import type { TypingSignal } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import { checkWritable } from '../messages/access.ts'
import type { Rooms } from '../rooms/index.ts'
import type { Command } from './command.ts'

export interface TypingParts {
  readonly rooms: Pick<Rooms, 'policies'> | undefined
  readonly log: Pick<EventLog, 'signal'>
}

/** Sends a typing notice to the members of the room on all gateways, as a signal: it may get lost and is never stored. */
export const typing: Command<'typing', TypingParts> = ({ rooms, log }, session, { room }) => {
  const { user } = session
  checkWritable(room, user, session)
  rooms?.policies.checkVoice(user.id, room)
  if (session.takeTyping(room)) log.signal({ type: 'typing', room, user } satisfies TypingSignal)
}

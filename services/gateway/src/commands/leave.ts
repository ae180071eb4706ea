import { RabbleError } from '@rabble/contract'
import type { Hub } from '../sessions/hub.ts'
import { type Command, withRef } from './command.ts'

export interface LeaveParts {
  readonly hub: Pick<Hub, 'leave'>
}

/** Removes the session from a room. */
export const leave: Command<'leave', LeaveParts> = ({ hub }, session, frame) => {
  if (!session.rooms.has(frame.room)) throw new RabbleError('not-joined', 'this session is not in the room')
  hub.leave(session, frame.room)
  session.reply({ type: 'left', ...withRef(frame.ref), room: frame.room })
}

import { RabbleError } from '@rabble/contract'
import { type Command, withRef } from './command.ts'

export const leave: Command<'leave'> = (context, session, frame) => {
  if (!session.rooms.has(frame.room)) throw new RabbleError('not-joined', 'this session is not in the room')
  context.hub.leave(session, frame.room)
  session.reply({ type: 'left', ...withRef(frame.ref), room: frame.room })
}

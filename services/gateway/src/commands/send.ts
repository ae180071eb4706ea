import { type ClientFrames, directRoom, isUserId, RabbleError, type User } from '@rabble/contract'
import { checkWritable } from '../messages/access.ts'
import { checkMeta, createMessage } from '../messages/message.ts'
import { checkText } from '../messages/text.ts'
import type { Session } from '../sessions/session.ts'
import type { Command } from './command.ts'
import { publish } from './publish.ts'

/** Says something, in a room or to a user. */
export const send: Command<'send'> = (context, session, frame) => {
  const { user } = session
  if (user === undefined) return
  session.takeMessage()
  checkText(frame, context.limits)
  checkMeta(frame.meta)
  const room = destination(session, user, frame)
  const checkVoice = () => context.rooms?.policies.checkVoice(user.id, room)
  checkVoice()
  return publish(context, session, createMessage(context, user, room, frame), frame, () => {
    destination(session, user, frame)
    checkVoice()
  })
}

/** The room that the message goes to, if this session may send there. */
function destination(session: Session, user: User, { room, to }: ClientFrames['send']): string {
  if ((room === undefined) === (to === undefined)) {
    throw new RabbleError('bad-frame', 'send: needs either room or to')
  }
  if (to !== undefined) {
    if (!isUserId(to)) throw new RabbleError('bad-frame', 'send: to must be the id of a user')
    return directRoom(user.id, to)
  }
  const name = room ?? ''
  checkWritable(name, user, session)
  return name
}

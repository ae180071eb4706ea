import { type ClientFrames, directRoom, isUserId, type Limits, RabbleError } from '@rabble/contract'
import { checkWritable, moderator, service } from '../messages/access.ts'
import { checkMentions } from '../messages/mentions.ts'
import { checkMeta, createMessage } from '../messages/message.ts'
import { checkText } from '../messages/text.ts'
import type { Rooms } from '../rooms/index.ts'
import type { Command, IdentifiedSession } from './command.ts'
import { type PublishParts, publish } from './publish.ts'

export interface SendParts extends PublishParts {
  readonly id: string
  readonly limits: Limits
  readonly rooms: Pick<Rooms, 'policies' | 'seats'> | undefined
}

/** Publishes a message, in a room or to a user. */
export const send: Command<'send', SendParts> = (parts, session, frame) => {
  const { user } = session
  checkText(frame, parts.limits)
  checkMeta(frame.meta)
  const room = destination(session, frame)
  checkMentions(frame, room, () => mayMentionAll(parts, session, room))
  const checkVoice = () => parts.rooms?.policies.checkVoice(user.id, room)
  checkVoice()
  return publish(parts, session, createMessage(parts, user, room, frame), frame, () => {
    destination(session, frame)
    checkVoice()
  })
}

/** Whether the user may mention all members of a room: by a role, as its owner, or as everybody there. */
function mayMentionAll(
  { rooms }: Pick<SendParts, 'rooms'>,
  session: IdentifiedSession,
  room: string,
): boolean {
  if (session.roles.includes(moderator) || session.roles.includes(service)) return true
  return rooms?.policies.room(room)?.mentionAll === true || rooms?.seats.owns(room, session.user.id) === true
}

/**
 * Returns the room of the message.
 * @throws RabbleError if this session may not send there
 */
function destination(session: IdentifiedSession, { room, to }: ClientFrames['send']): string {
  const { user } = session
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

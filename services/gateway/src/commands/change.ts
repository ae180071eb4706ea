import { type ChangeEvent, type MessageEvent, RabbleError, type User } from '@rabble/contract'
import { checkWritable, moderator } from '../messages/access.ts'
import type { Session } from '../sessions/session.ts'
import type { Context } from './command.ts'

/** A message that a session may change, and what the event that does so says about it. */
export interface Change {
  message: MessageEvent
  fields: Pick<ChangeEvent, 'message' | 'from' | 'moderator' | 'at' | 'via'>
}

/**
 * Finds the message that a frame names, if this session may change it: in a room where it may write, and its own, or any
 * for a moderator.
 * @throws RabbleError `bad-frame`, `not-joined`, `forbidden`, `message-not-found`, `unavailable`
 */
export async function changeable(
  context: Context,
  session: Session,
  user: User,
  { room, id }: { room: string; id: string },
): Promise<Change> {
  checkWritable(room, user, session)
  const message = context.recent.message(room, id) ?? (await lookUp(context, session, user, { room, id }))
  const own = message.from.id === user.id
  if (!own && !session.roles.includes(moderator)) {
    throw new RabbleError('forbidden', 'only its author and moderators may change a message')
  }
  const fields = {
    message: id,
    from: user,
    ...(!own && { moderator: true as const }),
    at: new Date(context.clock.now()).toISOString(),
    via: context.id,
  }
  return { message, fields }
}

async function lookUp(
  context: Context,
  session: Session,
  user: User,
  { room, id }: { room: string; id: string },
): Promise<MessageEvent> {
  const message = await context.lookup.find(room, id, user, session.sharers)
  // That may have taken seconds, in which the session may have ended, or been put out of the room.
  if (session.closed) throw new RabbleError('unauthorized', 'this session has ended')
  checkWritable(room, user, session)
  return message
}

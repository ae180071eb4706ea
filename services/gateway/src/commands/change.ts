import { type ChangeEvent, type MessageEvent, RabbleError } from '@rabble/contract'
import { checkWritable, moderator } from '../messages/access.ts'
import type { Taker } from '../messages/message.ts'
import type { MessageLookup } from '../replay/message-lookup.ts'
import type { RoomBuffers } from '../replay/room-buffers.ts'
import type { IdentifiedSession } from './command.ts'

/** What finding a message to change needs. */
export interface ChangeParts extends Taker {
  readonly recent: Pick<RoomBuffers, 'message'>
  readonly lookup: MessageLookup
}

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
  parts: ChangeParts,
  session: IdentifiedSession,
  { room, id }: { room: string; id: string },
): Promise<Change> {
  const { user } = session
  checkWritable(room, user, session)
  const message = parts.recent.message(room, id) ?? (await lookUp(parts, session, { room, id }))
  const own = message.from.id === user.id
  if (!own && !session.roles.includes(moderator)) {
    throw new RabbleError('forbidden', 'only its author and moderators may change a message')
  }
  const fields = {
    message: id,
    from: user,
    ...(!own && { moderator: true as const }),
    at: new Date(parts.clock.now()).toISOString(),
    via: parts.id,
  }
  return { message, fields }
}

async function lookUp(
  { lookup }: ChangeParts,
  session: IdentifiedSession,
  { room, id }: { room: string; id: string },
): Promise<MessageEvent> {
  const { user } = session
  const message = await lookup.find(room, id, user, session.sharers)
  // That may have taken seconds, in which the session may have ended, or been put out of the room.
  if (session.closed) throw new RabbleError('unauthorized', 'this session has ended')
  checkWritable(room, user, session)
  return message
}

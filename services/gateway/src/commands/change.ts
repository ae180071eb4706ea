import { type MessageEvent, RabbleError, type TextChange } from '@rabble/contract'
import { checkWritable, moderator } from '../messages/access.ts'
import type { Taker } from '../messages/message.ts'
import type { MessageLookup } from '../replay/message-lookup.ts'
import type { RoomBuffers } from '../replay/room-buffers.ts'
import type { IdentifiedSession } from './command.ts'

/** Parts that the search for a message to change needs. */
export interface ChangeParts extends Taker {
  readonly recent: Pick<RoomBuffers, 'message'>
  readonly lookup: MessageLookup
}

/** A message that a session may change, and the common fields of the event that changes it. */
export interface Change {
  message: MessageEvent
  fields: Pick<TextChange, 'message' | 'from' | 'moderator' | 'at' | 'via'>
}

/**
 * Finds the message that a frame names, and checks that this session may change it: it may write in the room, and is the author
 * or a moderator.
 * @throws RabbleError `bad-frame`, `not-joined`, `forbidden`, `message-not-found`, `unavailable`
 */
export async function changeable(
  parts: ChangeParts,
  session: IdentifiedSession,
  { room, id }: { room: string; id: string },
): Promise<Change> {
  const { user } = session
  const message = await writableMessage(parts, session, { room, id })
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

/**
 * Finds the message that a frame names, in a room where this session may write.
 * @throws RabbleError `bad-frame`, `not-joined`, `forbidden`, `message-not-found`, `unavailable`
 */
export async function writableMessage(
  parts: ChangeParts,
  session: IdentifiedSession,
  { room, id }: { room: string; id: string },
): Promise<MessageEvent> {
  checkWritable(room, session.user, session)
  return parts.recent.message(room, id) ?? (await lookUp(parts, session, { room, id }))
}

async function lookUp(
  { lookup }: ChangeParts,
  session: IdentifiedSession,
  { room, id }: { room: string; id: string },
): Promise<MessageEvent> {
  const { user } = session
  const message = await lookup.find(room, id, user, session.sharers)
  // The search may have taken seconds. The session may have ended or left the room meanwhile.
  if (session.closed) throw new RabbleError('unauthorized', 'this session has ended')
  checkWritable(room, user, session)
  return message
}

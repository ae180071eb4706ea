import { RabbleError } from '@rabble/contract'
import type { Memberships } from '../conversations/memberships.ts'
import type { Watchers } from '../conversations/watchers.ts'
import { readable } from '../messages/access.ts'
import type { MessageLookup } from '../replay/message-lookup.ts'
import type { RoomBuffers } from '../replay/room-buffers.ts'
import type { Command, IdentifiedSession } from './command.ts'
import { acknowledge, type PersonalParts } from './personal.ts'

/** Parts that tell whose conversation a room is. */
export interface ConversationParts {
  readonly memberships: Pick<Memberships, 'has' | 'publish'>
  readonly watchers: Pick<Watchers, 'isIn'>
}

export interface ReadParts extends ConversationParts, PersonalParts {
  readonly recent: Pick<RoomBuffers, 'message'>
  readonly lookup: MessageLookup
}

/** Moves the user's read position forward to a message. */
export const read: Command<'read', ReadParts> = (parts, session, { room, upTo, ref }) => {
  const { memberships, recent, lookup } = parts
  const { user } = session
  checkConversation(parts, session, room)
  session.takePersonal()
  const publish = () =>
    acknowledge(parts, session, memberships.publish({ type: 'read', room, user: user.id, upTo }), ref)
  if (recent.message(room, upTo) !== undefined) return publish()
  return lookup.find(room, upTo, user, session.sharers).then(() => {
    if (!session.closed) publish()
  })
}

/**
 * Checks that a room is a conversation of this user: a direct one, or the user is in the room or a member of it.
 * @throws RabbleError `bad-frame`, `forbidden`, `not-joined`
 */
export function checkConversation(
  { memberships, watchers }: ConversationParts,
  session: IdentifiedSession,
  room: string,
): void {
  const { user } = session
  const { kind } = readable(room, user)
  if (kind === 'direct') return
  if (kind !== 'room') throw new RabbleError('bad-frame', 'only rooms and direct messages are conversations')
  if (session.rooms.has(room) || memberships.has(user.id, room) || watchers.isIn(user.id, room)) return
  throw new RabbleError('not-joined', 'join the room first')
}

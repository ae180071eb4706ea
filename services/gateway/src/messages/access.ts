import { RabbleError, type RoomKind, roomKind, roomNameRule, type User } from '@rabble/contract'
import type { Session } from '../sessions/session.ts'

/** Role whose users may change messages of others, and enter rooms without an invitation. */
export const moderator = 'moderator'

/** Role of programs of the operator, which may publish without a connection. */
export const service = 'service'

/**
 * Returns the kind of a room that this user may read.
 * @throws RabbleError `bad-frame` for a name that no room can have, `forbidden` for the room of others
 */
export function readable(room: string, user: User): RoomKind {
  const kind = roomKind(room)
  if (kind === undefined) throw new RabbleError('bad-frame', roomNameRule)
  const allowed =
    kind.kind === 'room' ||
    kind.kind === 'everybody' ||
    (kind.kind === 'user' && kind.user === user.id) ||
    (kind.kind === 'direct' && kind.users.includes(user.id))
  if (!allowed) throw new RabbleError('forbidden', 'this room is for others only')
  return kind
}

/**
 * Checks that this session may write in a room: it has joined the room, or the room is one of its direct messages.
 * @throws RabbleError `bad-frame`, `forbidden`, `not-joined`
 */
export function checkWritable(room: string, user: User, session: Session): void {
  const { kind } = readable(room, user)
  if (kind === 'room' && !session.rooms.has(room)) throw new RabbleError('not-joined', 'join the room first')
  if (kind === 'everybody' || kind === 'user')
    throw new RabbleError('forbidden', 'only the system may write there')
}

import { RabbleError, type RoomKind, roomKind, roomNameRule, type User } from '@rabble/contract'
import type { Session } from '../sessions/session.ts'

/** Who has this role may change what others said, and enter rooms without being invited. */
export const moderator = 'moderator'

/**
 * What kind of room it is, if this user may read there.
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
 * Checks that this session may say something there, which is in rooms that it has joined and among its direct messages.
 * @throws RabbleError `bad-frame`, `forbidden`, `not-joined`
 */
export function checkWritable(room: string, user: User, session: Session): void {
  const { kind } = readable(room, user)
  if (kind === 'room' && !session.rooms.has(room)) throw new RabbleError('not-joined', 'join the room first')
  if (kind === 'everybody' || kind === 'user')
    throw new RabbleError('forbidden', 'only the system may write there')
}

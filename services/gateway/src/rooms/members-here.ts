import type { Member, User } from '@rabble/contract'
import { moderator } from '../messages/access.ts'
import type { Hub } from '../sessions/hub.ts'

/** Whether a user is in a room with a session that has the role of a moderator, through this gateway. */
export function moderatesHere(hub: Pick<Hub, 'sessionsOf'>, room: string, user: string): boolean {
  for (const { rooms, roles } of hub.sessionsOf(user)) {
    if (rooms.has(room) && roles.includes(moderator)) return true
  }
  return false
}

/** Returns a user of a room with its role, where there is no rooms service and so no owner. */
export function memberHere(hub: Pick<Hub, 'sessionsOf'>, room: string, user: User): Member {
  return moderatesHere(hub, room, user.id) ? { ...user, role: 'moderator' } : user
}

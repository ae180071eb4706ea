import type { Session } from '../sessions/session.ts'

/** Maximum number of rooms of one user that are watched: those with the newest messages when the user began. */
export const maxWatched = 1_000

/** Users of this gateway that watch their conversations, and the rooms that they are members of. */
export interface Watchers {
  /** Adds a session of a user. */
  add(session: Session, user: string): void
  remove(session: Session): void
  /** Whether a user has a session that watches. */
  has(user: string): boolean
  sessionsOf(user: string): Iterable<Session>
  /** Returns the users that watch a room; undefined if there is none. */
  usersIn(room: string): ReadonlySet<string> | undefined
  /** Whether a user watches a room. */
  isIn(user: string, room: string): boolean
  enter(user: string, room: string): void
  leave(user: string, room: string): void
  /** Number of users, and of their rooms. */
  readonly users: number
  readonly rooms: number
}

export function createWatchers(): Watchers {
  const users = new Map<string, { sessions: Set<Session>; rooms: Set<string> }>()
  const rooms = new Map<string, Set<string>>()
  let entries = 0

  function leave(user: string, room: string): void {
    if (!users.get(user)?.rooms.delete(room)) return
    entries--
    const members = rooms.get(room)
    members?.delete(user)
    if (members?.size === 0) rooms.delete(room)
  }

  return {
    add(session, user) {
      const own = users.get(user)
      if (own === undefined) users.set(user, { sessions: new Set([session]), rooms: new Set() })
      else own.sessions.add(session)
    },
    remove(session) {
      const user = session.user?.id ?? ''
      const own = users.get(user)
      if (!own?.sessions.delete(session) || own.sessions.size > 0) return
      for (const room of own.rooms) leave(user, room)
      users.delete(user)
    },
    has: (user) => users.has(user),
    sessionsOf: (user) => users.get(user)?.sessions ?? [],
    usersIn: (room) => rooms.get(room),
    isIn: (user, room) => users.get(user)?.rooms.has(room) === true,
    enter(user, room) {
      const own = users.get(user)
      if (own === undefined || own.rooms.has(room) || own.rooms.size >= maxWatched) return
      own.rooms.add(room)
      entries++
      const members = rooms.get(room)
      if (members === undefined) rooms.set(room, new Set([user]))
      else members.add(user)
    },
    leave,
    get users() {
      return users.size
    },
    get rooms() {
      return entries
    },
  }
}

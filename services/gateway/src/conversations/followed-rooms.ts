import type { Session } from '../sessions/session.ts'

/** A room whose read positions sessions of this gateway follow. */
export interface FollowedRoom {
  readonly sessions: Set<Session>
  /** Users whose positions these sessions may have been told of. */
  readonly shown: Set<string>
}

/** Rooms whose read positions are followed, and by which sessions. */
export interface FollowedRooms {
  readonly rooms: ReadonlyMap<string, FollowedRoom>
  /** Number of rooms, each once for each session. */
  readonly size: number
  /** Number of rooms of a session. */
  countOf(session: Session): number
  add(session: Session, room: string): void
  remove(session: Session, room: string): void
  /** Removes a room from all sessions, and a session from all rooms. */
  removeRoom(room: string): void
  removeSession(session: Session): void
}

export function createFollowedRooms(): FollowedRooms {
  const rooms = new Map<string, FollowedRoom>()
  const sessions = new Map<Session, Set<string>>()
  let size = 0

  function remove(session: Session, room: string): void {
    const own = sessions.get(session)
    if (!own?.delete(room)) return
    size--
    if (own.size === 0) sessions.delete(session)
    const followed = rooms.get(room)
    followed?.sessions.delete(session)
    if (followed?.sessions.size === 0) rooms.delete(room)
  }

  return {
    rooms,
    get size() {
      return size
    },
    countOf: (session) => sessions.get(session)?.size ?? 0,
    add(session, room) {
      const own = sessions.get(session) ?? new Set()
      if (own.has(room)) return
      sessions.set(session, own.add(room))
      size++
      const followed = rooms.get(room) ?? { sessions: new Set(), shown: new Set() }
      followed.sessions.add(session)
      rooms.set(room, followed)
    },
    remove,
    removeRoom(room) {
      for (const session of rooms.get(room)?.sessions ?? []) remove(session, room)
    },
    removeSession(session) {
      for (const room of sessions.get(session) ?? []) remove(session, room)
    },
  }
}

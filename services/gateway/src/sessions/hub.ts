import { type ChatEvent, type RoomKind, roomKind, type User } from '@rabble/contract'
import type { Session } from './session.ts'
import { SharedFrames, SharedWindow } from './shared-window.ts'

/**
 * Sessions of this gateway by room and by user, and the fan-out to them.
 *
 * Events of a room within one turn of the event loop are encoded once per codec into one shared buffer (`SharedFrames`), and each
 * session gets everything of the turn in one write: a write costs microseconds, whatever its length.
 */
export interface Hub {
  readonly sessions: ReadonlySet<Session>
  add(session: Session): void
  /** Sets the user of a session. From now on it gets what is sent to its user and to everybody. */
  identify(session: Session, user: User): void
  /** Removes the session from everything. */
  remove(session: Session): void
  /**
   * Delivers the events of the room that have arrived in this turn, which are in the room buffers already. A session that is
   * served from those right after this call, in the same turn, misses nothing and gets nothing twice.
   */
  settle(room: string): void
  /** Settles the room and adds the session to it. */
  join(session: Session, room: string): void
  leave(session: Session, room: string): void
  /** Returns the sessions of a user, and those in a room. */
  sessionsOf(user: string): Iterable<Session>
  members(room: string): Iterable<Session>
  /** Returns the users of this gateway in the room, each once. */
  users(room: string): User[]
  count(room: string): number
  /** Delivers an event to its audience at the end of this turn. `line` must not change until then. */
  deliver(event: ChatEvent, line: Buffer): void
  /** Whether any session here gets the events of a room. */
  reaches(room: string): boolean
  /** Sends a frame to all members of a room. `except`: id of a user whose sessions do not get it. */
  notify(room: string, frame: Buffer, except?: string): void
  /** Schedules the flush of a session that has something to write. */
  dirty(session: Session): void
  /** Sets the observer of memberships. */
  observe(observer: MembershipObserver): void
  /** Sets the observer that is called when a user gets a session, or loses one. */
  observeUsers(observer: (user: string) => void): void
}

/** Observes when the first session of a user joins a room, and when the last one leaves it. */
export interface MembershipObserver {
  joined(room: string, user: User): void
  left(room: string, user: User): void
}

interface Members {
  sessions: Set<Session>
  /** Users with the number of their sessions, to count a user once. */
  users: Map<string, { user: User; sessions: number }>
  /** Set once a session is here whose format has compression. */
  window: SharedWindow | undefined
}

/** `delivered` is called with the number of frames that went out. */
export function createHub(delivered: (deliveries: number) => void): Hub {
  const sessions = new Set<Session>()
  const byUser = new Map<string, Set<Session>>()
  const rooms = new Map<string, Members>()
  let arrived = new Map<string, Buffer[]>()
  let dirty: Session[] = []
  let scheduled = false
  let observer: MembershipObserver = { joined() {}, left() {} }
  let usersChanged: (user: string) => void = () => {}

  function schedule(): void {
    if (scheduled) return
    scheduled = true
    setImmediate(flush)
  }

  function flush(): void {
    scheduled = false
    const batch = arrived
    arrived = new Map()
    for (const [room, lines] of batch) fanOutEvents(room, lines)
    const writers = dirty
    dirty = []
    for (const session of writers) session.flush()
  }

  function fanOutEvents(room: string, lines: readonly Buffer[]): void {
    const window = rooms.get(room)?.window
    const frames = new SharedFrames(lines, window)
    fanOut(room, frames, lines.length)
    window?.add(lines)
  }

  function fanOut(room: string, frames: SharedFrames, count: number, except?: string): void {
    let receivers = 0
    for (const group of audience(room)) {
      for (const session of group) {
        if (except !== undefined && session.user?.id === except) continue
        session.push(frames.encodedFor(session))
        receivers++
      }
    }
    delivered(receivers * count)
  }

  /**
   * Returns true if no session here can get the events of a room. It is a fast check, since it runs for each event of the log,
   * and most events may be for members of other gateways.
   */
  function isElsewhere(room: string): boolean {
    return !rooms.has(room) && room !== '*' && !room.includes(':')
  }

  /** Returns the sets of sessions that get the events of a room. No session is in two of them. */
  function audience(room: string): Iterable<Session>[] {
    const members = rooms.get(room)
    if (members !== undefined) return [members.sessions]
    if (isElsewhere(room)) return []
    const kind = roomKind(room)
    if (kind === undefined) return []
    return audienceOf(kind).filter((group) => group !== undefined)
  }

  function audienceOf(kind: RoomKind): (Iterable<Session> | undefined)[] {
    switch (kind.kind) {
      case 'room':
        return []
      case 'everybody':
        return [...byUser.values()]
      case 'user':
        return [byUser.get(kind.user)]
      case 'direct': {
        const [a, b] = kind.users
        return a === b ? [byUser.get(a)] : [byUser.get(a), byUser.get(b)]
      }
      default:
        return kind satisfies never
    }
  }

  function settle(room: string): void {
    const lines = arrived.get(room)
    if (lines === undefined) return
    arrived.delete(room)
    fanOutEvents(room, lines)
  }

  function leave(session: Session, room: string): void {
    const members = rooms.get(room)
    if (!members?.sessions.delete(session)) return
    session.rooms.delete(room)
    const user = members.users.get(session.user?.id ?? '')
    if (members.sessions.size === 0) rooms.delete(room)
    if (user === undefined || --user.sessions > 0) return
    members.users.delete(user.user.id)
    observer.left(room, user.user)
  }

  return {
    sessions,
    dirty(session) {
      dirty.push(session)
      schedule()
    },
    add(session) {
      sessions.add(session)
    },
    identify(session, user) {
      session.user = user
      const own = byUser.get(user.id)
      if (own === undefined) byUser.set(user.id, new Set([session]))
      else own.add(session)
      usersChanged(user.id)
    },
    remove(session) {
      for (const room of session.rooms) leave(session, room)
      sessions.delete(session)
      const own = session.user && byUser.get(session.user.id)
      if (session.user === undefined || own === undefined) return
      own.delete(session)
      if (own.size === 0) byUser.delete(session.user.id)
      usersChanged(session.user.id)
    },
    settle,
    join(session, room) {
      settle(room)
      if (session.user === undefined || session.rooms.has(room)) return
      let members = rooms.get(room)
      if (members === undefined) {
        members = { sessions: new Set(), users: new Map(), window: undefined }
        rooms.set(room, members)
      }
      if (session.connection.codec.compressEvents !== undefined) members.window ??= new SharedWindow()
      members.sessions.add(session)
      session.rooms.add(room)
      const known = members.users.get(session.user.id)
      if (known !== undefined) known.sessions++
      else {
        members.users.set(session.user.id, { user: session.user, sessions: 1 })
        observer.joined(room, session.user)
      }
    },
    leave,
    sessionsOf: (user) => byUser.get(user) ?? [],
    members: (room) => rooms.get(room)?.sessions ?? [],
    users: (room) => [...(rooms.get(room)?.users.values() ?? [])].map(({ user }) => user),
    count: (room) => rooms.get(room)?.users.size ?? 0,
    deliver(event, line) {
      if (isElsewhere(event.room)) return
      const lines = arrived.get(event.room)
      if (lines === undefined) arrived.set(event.room, [line])
      else lines.push(line)
      schedule()
    },
    reaches: (room) => audience(room).length > 0,
    notify(room, frame, except) {
      fanOut(room, new SharedFrames([frame]), 1, except)
    },
    observe(other) {
      observer = other
    },
    observeUsers(other) {
      usersChanged = other
    },
  }
}

import type { Clock, Timer } from '@rabble/clock'
import type { Member, User } from '@rabble/contract'

/** Time (ms) for which the first joins and leaves after a quiet time are collected before the members are told. */
const soon = 50
/** Time (ms) between two frames. */
const interval = 500
/** Number of users above which a room is large, and maximum number of joined and of left users that are named there. */
const large = 100
const sample = 20

interface Changes {
  joined: Map<string, Member>
  left: Map<string, User>
  /** Whether the count has changed. */
  changed: boolean
  timer: Timer
}

/**
 * Tells the members of a room who joined and left. It sends at most two frames a second, so that their number grows with the
 * members and not with their square.
 */
export interface Presence {
  joined(room: string, user: Member): void
  left(room: string, user: User): void
  /** Notes that the number of users has changed. */
  counted(room: string): void
  close(): void
}

export function createPresence(options: {
  count(room: string): number
  notify(room: string, frame: Buffer): void
  clock: Clock
}): Presence {
  const { clock } = options
  /** Rooms with something to tell, or that were told a moment ago. */
  const rooms = new Map<string, Changes>()

  function begin(name: string, delay: number): Changes {
    const timer = clock.setTimeout(() => tell(name), delay)
    const changes = { joined: new Map(), left: new Map(), changed: false, timer }
    rooms.set(name, changes)
    return changes
  }

  function changesOf(name: string): Changes {
    return rooms.get(name) ?? begin(name, soon)
  }

  function tell(name: string): void {
    const changes = rooms.get(name)
    rooms.delete(name)
    if (changes === undefined) return
    const { joined, left, changed } = changes
    if (!changed && joined.size === 0 && left.size === 0) return
    begin(name, interval)
    const count = options.count(name)
    const most = count > large ? sample : large
    const frame = {
      type: 'presence',
      room: name,
      joined: first(joined, most),
      left: first(left, most),
      count,
    }
    options.notify(name, Buffer.from(JSON.stringify(frame)))
  }

  return {
    // A user who left and came back in between was never away, and the other way round.
    joined(name, user) {
      const { joined, left } = changesOf(name)
      if (!left.delete(user.id)) add(joined, user)
    },
    left(name, user) {
      const { joined, left } = changesOf(name)
      if (!joined.delete(user.id)) add(left, user)
    },
    counted(name) {
      changesOf(name).changed = true
    },
    close() {
      for (const { timer } of rooms.values()) timer.cancel()
      rooms.clear()
    },
  }
}

/** Adds a user. A room with more changes than this is large and never tells them all. */
function add<One extends User>(users: Map<string, One>, user: One): void {
  if (users.size < 10 * large) users.set(user.id, user)
}

function first(users: ReadonlyMap<string, User>, most: number): User[] {
  return [...users.values()].slice(0, most)
}

import type { Clock, Timer } from '@rabble/clock'
import type { User } from '@rabble/contract'

/** How long (ms) the first comings and goings after a quiet time are collected before the members are told. */
const soon = 50
/** How long (ms) until they are told again. */
const interval = 500
/** Users in a room beyond which it is large, and names that are told there, of those who came and of those who went. */
const large = 100
const sample = 20

interface Changes {
  joined: Map<string, User>
  left: Map<string, User>
  /** Whether the count is another one. */
  changed: boolean
  timer: Timer
}

/**
 * Tells the members of a room who came and went: two frames a second at most, however many come and go, so that the
 * frames grow with the members and not with their square.
 */
export interface Presence {
  joined(room: string, user: User): void
  left(room: string, user: User): void
  /** The number of users is another one. */
  counted(room: string): void
  close(): void
}

export function createPresence(options: {
  count(room: string): number
  notify(room: string, frame: Buffer): void
  clock: Clock
}): Presence {
  const { clock } = options
  /** Rooms that have something to tell, or were told a moment ago. */
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
    // Who left and came back in between was never away, and the other way round.
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

/** More than this many are never told: the room is large. */
function add(users: Map<string, User>, user: User): void {
  if (users.size < 10 * large) users.set(user.id, user)
}

function first(users: ReadonlyMap<string, User>, most: number): User[] {
  return [...users.values()].slice(0, most)
}

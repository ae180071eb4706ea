import type { Clock, Timer } from '@rabble/clock'
import { type MessageEvent, systemUser, type User } from '@rabble/contract'
import { eventId } from '@rabble/contract/ids'
import type { EventLog } from '@rabble/event-log'
import type { RoomChange } from './presence.ts'

/** Times in milliseconds. */
export interface AnnouncementTimes {
  /** Time for which changes are collected after a quiet period: a page that is reloaded is no news. */
  soon: number
  /** Time between two announcements in a room. */
  interval: number
}

export const defaultAnnouncementTimes: AnnouncementTimes = { soon: 1_000, interval: 5_000 }

/** Maximum number of names in one announcement. The other users are only counted. */
const maxNames = 20
/** Maximum number of collected users who joined, and who left. More are not reported. */
const maxUsers = 1_000

interface Collected {
  joined: Map<string, User>
  left: Map<string, User>
  /** The newest version of the room's presence. */
  version: number
  timer: Timer
}

/**
 * Announces by system messages which users joined and left a room. The log keeps these messages, and they need no right to
 * write. So changes are collected: a room gets at most two messages every few seconds, however often users join and leave.
 * Users who are muted there are not named.
 */
export interface Announcements {
  add(change: RoomChange): void
  /** Drops what has not been announced yet. */
  close(): void
}

export function createAnnouncements(options: {
  log: Pick<EventLog, 'publish'>
  /** Returns which of some users are muted in a room. */
  muted(room: string, users: readonly string[]): Promise<ReadonlySet<string>>
  /** Called for each announcement that could not be made. */
  onError(): void
  times: AnnouncementTimes
  clock: Clock
}): Announcements {
  const { log, muted, onError, times, clock } = options
  const rooms = new Map<string, Collected>()

  function begin(room: string, delay: number): Collected {
    const timer = clock.setTimeout(() => void tell(room).catch(onError), delay)
    const collected = { joined: new Map(), left: new Map(), version: 0, timer }
    rooms.set(room, collected)
    return collected
  }

  async function tell(room: string): Promise<void> {
    const collected = rooms.get(room)
    rooms.delete(room)
    if (collected === undefined) return
    const { joined, left, version } = collected
    if (joined.size + left.size === 0) return
    begin(room, times.interval)
    const silent = await muted(room, [...left.keys(), ...joined.keys()])
    const heard = (users: ReadonlyMap<string, User>) =>
      [...users.values()].filter(({ id }) => !silent.has(id))
    for (const [what, users] of [
      ['left', heard(left)],
      ['joined', heard(joined)],
    ] as const) {
      if (users.length > 0) log.publish(announcement(room, what, users, version)).catch(onError)
    }
  }

  function announcement(
    room: string,
    what: 'joined' | 'left',
    users: readonly User[],
    version: number,
  ): MessageEvent {
    const named = users.slice(0, maxNames)
    return {
      type: 'message',
      room,
      id: eventId(systemUser.id, room, `${what}\0${version}`),
      from: systemUser,
      text: `${listed(named, users.length)} ${what}`,
      at: new Date(clock.now()).toISOString(),
      via: 'rooms',
      meta: { system: what, users: named, count: users.length },
    }
  }

  return {
    add({ room, joined, left, version }) {
      const collected = rooms.get(room) ?? begin(room, times.soon)
      collected.version = Math.max(collected.version, version)
      // A user who left and came back in between was never away. The reverse holds too.
      for (const user of left) if (!collected.joined.delete(user.id)) put(collected.left, user)
      // The messages stay, so they don't have roles, which may change.
      for (const { id, name } of joined) if (!collected.left.delete(id)) put(collected.joined, { id, name })
    },
    close() {
      for (const { timer } of rooms.values()) timer.cancel()
      rooms.clear()
    },
  }
}

function put(users: Map<string, User>, user: User): void {
  if (users.size < maxUsers) users.set(user.id, user)
}

/** Returns a list such as "Ada", "Ada and Bob" or "Ada, Bob and 3 others". */
function listed(named: readonly User[], count: number): string {
  const names = named.map(({ name }) => name)
  const others = count - names.length
  const last = others === 0 ? names.pop() : others === 1 ? '1 other' : `${others} others`
  return names.length === 0 ? `${last}` : `${names.join(', ')} and ${last}`
}

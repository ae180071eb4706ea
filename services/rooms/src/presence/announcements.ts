import type { Clock, Timer } from '@rabble/clock'
import { type MessageEvent, systemUser, type User } from '@rabble/contract'
import { eventId } from '@rabble/contract/ids'
import type { EventLog } from '@rabble/event-log'
import type { RoomChange } from './presence.ts'

/** Milliseconds. */
export interface AnnouncementTimes {
  /** For which the first comings and goings after a quiet time are collected: a page that is reloaded is no news. */
  soon: number
  /** Between two announcements of a room. */
  interval: number
}

export const defaultAnnouncementTimes: AnnouncementTimes = { soon: 1_000, interval: 5_000 }

/** Names in one announcement; the others are counted. */
const maxNames = 20
/** Users that are collected of those who came, and of those who went; more are not told. */
const maxUsers = 1_000

interface Collected {
  joined: Map<string, User>
  left: Map<string, User>
  /** The newest version of the room's presence. */
  version: number
  timer: Timer
}

/**
 * Tells by messages of the system who came to a room and who left it. They stay in the log for good and need no right to
 * speak, so they are collected: a room gets two of them every few seconds at most, however often somebody joins and leaves,
 * and they don't name users who may not speak there.
 */
export interface Announcements {
  add(change: RoomChange): void
  /** What has not been told yet is not told any more. */
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
      // A user who left and came back in between was never away, and the other way round.
      for (const user of left) if (!collected.joined.delete(user.id)) put(collected.left, user)
      for (const user of joined) if (!collected.left.delete(user.id)) put(collected.joined, user)
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

/** "Ada", "Ada and Bob", "Ada, Bob and 3 others". */
function listed(named: readonly User[], count: number): string {
  const names = named.map(({ name }) => name)
  const others = count - names.length
  const last = others === 0 ? names.pop() : others === 1 ? '1 other' : `${others} others`
  return names.length === 0 ? `${last}` : `${names.join(', ')} and ${last}`
}

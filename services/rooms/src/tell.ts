import {
  type KickSignal,
  type MessageEvent,
  type PresenceSignal,
  systemUser,
  type User,
} from '@rabble/contract'
import { eventId } from '@rabble/contract/ids'
import type { RoutesOptions } from './options.ts'
import type { RoomChange } from './presence.ts'

/** Users in a room beyond which it is large, and names that a signal has at most, of those who came and of those who went. */
const large = 100
const sample = 20

/** Puts out guests whose name belongs to an account from now on, once that is committed; over all gateways. */
export function tellDisplaced({ log }: Pick<RoutesOptions, 'log'>, guests: readonly string[]): void {
  for (const user of guests) {
    const signal: KickSignal = { type: 'kick', user, message: 'this name belongs to an account' }
    log.signal(signal)
  }
}

/**
 * Tells what has changed, once it is committed: gateways by signals and, where the room wants it, everybody by messages of
 * the system. Neither is waited for, and what gets lost is lost.
 */
export function createTeller({
  clock,
  log,
  metrics,
}: Pick<RoutesOptions, 'clock' | 'log' | 'metrics'>): (changes: readonly RoomChange[]) => void {
  function announce(room: string, user: User, what: 'joined' | 'left', version: number): void {
    const event: MessageEvent = {
      type: 'message',
      room,
      id: eventId(systemUser.id, room, `${what}\0${user.id}\0${version}`),
      from: systemUser,
      text: `${user.name} ${what}`,
      at: new Date(clock.now()).toISOString(),
      via: 'rooms',
      meta: { system: what, user },
    }
    log.publish(event).catch(() => metrics.announcementErrors.inc())
  }

  return (changes) => {
    for (const { room, joined, left, count, version, announce: announced } of changes) {
      const most = count > large ? sample : large
      const signal: PresenceSignal = {
        type: 'presence',
        room,
        joined: joined.slice(0, most),
        left: left.slice(0, most),
        count,
        version,
      }
      log.signal(signal)
      if (!announced) continue
      for (const user of left) announce(room, user, 'left', version)
      for (const user of joined) announce(room, user, 'joined', version)
    }
  }
}

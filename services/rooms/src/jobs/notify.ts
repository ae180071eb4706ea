import type { Clock } from '@rabble/clock'
import type { KickSignal, PresenceSignal } from '@rabble/contract'
import { mutedIn } from '../moderation/restrictions.ts'
import type { RoomsOptions, RoutesOptions } from '../options.ts'
import { createAnnouncements, defaultAnnouncementTimes } from '../presence/announcements.ts'
import type { RoomChange } from '../presence/presence.ts'

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
export interface Notifier {
  notify(changes: readonly RoomChange[]): void
  close(): void
}

export function createNotifier({
  clock,
  database,
  log,
  metrics,
  announcementTimes = defaultAnnouncementTimes,
}: Pick<RoomsOptions, 'database' | 'log' | 'metrics' | 'announcementTimes'> & { clock: Clock }): Notifier {
  const announcements = createAnnouncements({
    log,
    muted: (room, users) => mutedIn(database.query, room, users),
    onError: () => metrics.announcementErrors.inc(),
    times: announcementTimes,
    clock,
  })

  return {
    notify(changes) {
      for (const change of changes) {
        const { room, joined, left, count, version } = change
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
        if (change.announce) announcements.add(change)
      }
    },
    close: announcements.close,
  }
}

import type { Clock } from '@rabble/clock'
import type { KickSignal, PresenceSignal } from '@rabble/contract'
import { mutedIn } from '../moderation/restrictions.ts'
import type { RoomsOptions, RoutesOptions } from '../options.ts'
import { createAnnouncements, defaultAnnouncementTimes } from '../presence/announcements.ts'
import type { RoomChange } from '../presence/presence.ts'

/** Number of users beyond which a room is large, and maximum number of names in each list of a large room's signals. */
const large = 100
const sample = 20

/** Kicks guests whose name now belongs to an account, on all gateways. Called after the commit. */
export function tellDisplaced({ log }: Pick<RoutesOptions, 'log'>, guests: readonly string[]): void {
  for (const user of guests) {
    const signal: KickSignal = { type: 'kick', user, message: 'this name belongs to an account' }
    log.signal(signal)
  }
}

/**
 * Reports changes after their commit: to gateways by signals and, in rooms with `announce`, to everybody by system messages.
 * Callers wait for neither. Lost reports are not repeated.
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

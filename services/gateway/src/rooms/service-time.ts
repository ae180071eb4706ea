import type { Clock } from '@rabble/clock'

/**
 * The time by the clock that dates the ends of bans and mutes: that of the rooms service's database. A gateway whose own clock
 * is two minutes ahead would otherwise let go of a mute of one minute before it began.
 */
export interface ServiceTime {
  /** Milliseconds since 1970; by our own clock as long as the service has not told the time. */
  now(): number
  /** Takes the time that the service told. */
  told(time: number): void
}

export function createServiceTime(clock: Pick<Clock, 'now'>): ServiceTime {
  /** Milliseconds by which the clock of the service is ahead. Told anew every few seconds, so a clock that is set is no matter. */
  let ahead = 0
  return {
    now: () => clock.now() + ahead,
    told(time) {
      // A service of an earlier version doesn't tell.
      if (Number.isFinite(time)) ahead = time - clock.now()
    },
  }
}

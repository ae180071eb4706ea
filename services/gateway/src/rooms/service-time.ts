import type { Clock } from '@rabble/clock'

/**
 * Time by the clock that dates the ends of bans and mutes: that of the rooms service's database. A gateway whose own clock is two
 * minutes ahead would otherwise end a mute of one minute before it began.
 */
export interface ServiceTime {
  /** Returns the time (ms since 1970), by the gateway's own clock until the service has told its time. */
  now(): number
  /** Takes the time (ms since 1970) that the service told. */
  told(time: number): void
}

export function createServiceTime(clock: Pick<Clock, 'now'>): ServiceTime {
  /** Time (ms) by which the service's clock is ahead. It is told every few seconds, so a clock may be set. */
  let ahead = 0
  return {
    now: () => clock.now() + ahead,
    told(time) {
      // Earlier versions of the service do not tell the time.
      if (Number.isFinite(time)) ahead = time - clock.now()
    },
  }
}

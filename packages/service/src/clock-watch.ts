import { type Clock, systemClock } from '@rabble/clock'
import { Gauge, type Registry } from 'prom-client'
import type { Logger } from './logger.ts'

/**
 * Difference (ms) of two machines' clocks above which work that compares their times stops: services refuse each other's tokens,
 * and history deletes nothing by age.
 */
export const clockTolerance = 5 * 60_000

/** Difference (ms) from which on it is reported. */
const telling = 5_000
/** Time (ms) for which the largest difference counts, so that one of several replicas behind an address stays visible. */
const memory = 60_000
/** Time (ms) without a comparison after which a clock is unknown. */
const forgetting = 10 * 60_000

/** Compares the clocks of other processes and servers with that of this process. */
export interface ClockWatch {
  /**
   * Compares a time from `peer` with this process's. `theirs` are the earliest and the latest time (ms since 1970) that its clock
   * may have shown when it answered. `askedAt` is the time of this process at the request; the answer came between then and now.
   * Returns the least number of milliseconds by which its clock is ahead (negative: behind); 0 if both may be equal.
   */
  compare(peer: string, theirs: { from: number; to: number }, askedAt: number): number
  /** Returns which clocks differ, for `/readyz`; undefined if none does. */
  note(): string | undefined
}

interface Difference {
  /** Difference in milliseconds. */
  ahead: number
  /** Time of the comparison by `clock.monotonic`. */
  at: number
  /** Whether it was logged. */
  told: boolean
  sentence: string
}

export function watchClocks(options: { registry: Registry; logger: Logger; clock?: Clock }): ClockWatch {
  const { registry, logger, clock = systemClock } = options
  const differences = new Map<string, Difference>()
  new Gauge({
    name: 'rabble_clock_difference_seconds',
    help: 'Seconds by which the clock of another process or server (`peer`) is at least ahead of this one, negative if it is behind. The largest difference within a minute.',
    labelNames: ['peer'],
    registers: [registry],
    collect() {
      forget()
      this.reset()
      for (const [peer, { ahead }] of differences) this.set({ peer }, ahead / 1000)
    },
  })

  function forget(): void {
    const oldest = clock.monotonic() - forgetting
    for (const [peer, { at }] of differences) if (at < oldest) differences.delete(peer)
  }

  return {
    compare(peer, { from, to }, askedAt) {
      const now = clock.now()
      const ahead = from > now ? from - now : Math.min(0, to - askedAt)
      const at = clock.monotonic()
      const known = differences.get(peer)
      if (known !== undefined && Math.abs(ahead) < Math.abs(known.ahead) && at - known.at < memory)
        return ahead
      const wasTold = known?.told === true
      const told = Math.abs(ahead) >= telling
      const [theirs, ours] = [ahead > 0 ? from : to, ahead > 0 ? now : askedAt].map(isoTime)
      const seconds = Math.round(Math.abs(ahead) / 1000)
      const sentence = `the clock of ${peer} is ${seconds} s ${ahead > 0 ? 'ahead' : 'behind'}: it says ${theirs}, ours says ${ours}`
      differences.set(peer, { ahead, at, told, sentence })
      if (told && !wasTold) logger.warn({ peer, theirs, ours, seconds: ahead / 1000 }, sentence)
      if (wasTold && !told) logger.info({ peer }, `the clocks of ${peer} and this process agree again`)
      return ahead
    },
    note() {
      forget()
      const told = [...differences.values()].filter((difference) => difference.told)
      return told.length === 0 ? undefined : told.map(({ sentence }) => sentence).join('; ')
    },
  }
}

/**
 * Returns the time in the `Date` header of a response (RFC 9110, section 6.6.1), which has whole seconds; undefined without one.
 */
export function timeOfResponse(header: string | undefined): { from: number; to: number } | undefined {
  const from = Date.parse(header ?? '')
  return Number.isNaN(from) ? undefined : { from, to: from + 999 }
}

/** Formats a time, also one outside the range of dates. */
export function isoTime(time: number): string {
  return new Date(Math.max(-8.64e15, Math.min(8.64e15, time))).toISOString()
}

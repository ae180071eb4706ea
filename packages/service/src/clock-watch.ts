import { type Clock, systemClock } from '@rabble/clock'
import { Gauge, type Registry } from 'prom-client'
import type { Logger } from './app.ts'

/**
 * Milliseconds by which the clocks of two machines may differ before work stops that compares their times: services refuse
 * each other's tokens, and history deletes nothing for its age.
 */
export const clockTolerance = 5 * 60_000

/** Milliseconds from which on a difference is told. */
const telling = 5_000
/** Milliseconds for which the largest difference counts, so that one of several replicas behind an address stays visible. */
const memory = 60_000
/** Milliseconds after which a clock that was not compared again is unknown. */
const forgetting = 10 * 60_000

/** Compares the clocks of other processes and servers with that of this process. */
export interface ClockWatch {
  /**
   * Compares a time that `peer` told with ours. `theirs` are the earliest and the latest time (ms since 1970) that its
   * clock may have shown when it answered, `askedAt` is our time when it was asked; it answered between then and now.
   * Returns by how many milliseconds its clock is ahead at least (negative: behind); 0 if both may show the same.
   */
  compare(peer: string, theirs: { from: number; to: number }, askedAt: number): number
  /** Tells which clocks differ, for `/readyz`; undefined if none does. */
  note(): string | undefined
}

interface Difference {
  /** Milliseconds. */
  ahead: number
  /** By `clock.monotonic`. */
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
    help: 'Seconds by which the clock of another process or server (`peer`) is at least ahead of this one, negative if it is behind. Of a minute, the largest difference.',
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

/** The `Date` header of a response (RFC 9110, section 6.6.1), which says the time in whole seconds; undefined without one. */
export function timeOfResponse(header: string | null): { from: number; to: number } | undefined {
  const from = Date.parse(header ?? '')
  return Number.isNaN(from) ? undefined : { from, to: from + 999 }
}

/** A time as people read it, also one that no clock should show. */
export function isoTime(time: number): string {
  return new Date(Math.max(-8.64e15, Math.min(8.64e15, time))).toISOString()
}

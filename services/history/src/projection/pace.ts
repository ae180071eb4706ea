import type { Clock } from '@rabble/clock'

/** Time (ms) for which the events of a busy log are collected into one transaction, which has a fixed cost. */
const collected = 400
/** Number of events, of about the last second, from which on a log is busy. */
const busy = 300

/** Decides when the next step is due: a quiet log is stored at once, and a busy one in few and large steps. */
export interface Pace {
  /** Records a step. */
  add(events: number): void
  /** Returns the time (ms) for which the next step is collected. */
  collect(): number
}

export function createPace(clock: Clock): Pace {
  let level = 0
  let at = clock.monotonic()
  return {
    add(events) {
      const now = clock.monotonic()
      // Events of a second ago count half.
      level = level * 0.5 ** ((now - at) / 1_000) + events
      at = now
    },
    collect: () => (level < busy ? 0 : collected),
  }
}

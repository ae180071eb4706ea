import type { Clock, Timer } from '@rabble/clock'

/** Minimum time (ms) between the beginnings of two calls under load. */
const interval = 25

/**
 * Spaces out the calls of one kind while many clients come at once. The cost of a call hardly depends on the number of its
 * requests, so a few large calls take a fraction of the CPU of many small ones. A client that comes alone never waits.
 */
export interface Spacing {
  /** Whether the next call must wait. `next` is called when it may begin. */
  readonly waits: boolean
  /** Notes that a call begins, and how many requests it carries. */
  began(requests: number): void
  close(): void
}

export function createSpacing(clock: Clock, next: () => void): Spacing {
  let timer: Timer | undefined
  return {
    get waits() {
      return timer !== undefined
    },
    began(requests) {
      if (requests < 2) return
      timer = clock.setTimeout(() => {
        timer = undefined
        next()
      }, interval)
    },
    close: () => timer?.cancel(),
  }
}

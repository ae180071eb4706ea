import type { Clock } from '@rabble/clock'
import { type Backoff, backoffDelay } from '@rabble/clock/retry'

/** Number of failed calls in a row after which no more are made. */
const maxFailures = 5
/** Pause (ms) until the next trial. It grows with each trial that fails. */
const pause: Backoff = { first: 1_000, longest: 15_000 }

/** A call that may be made. Its end must be reported, in one of the two ways. */
export interface Attempt {
  answered(): void
  failed(error: unknown): void
}

/**
 * Circuit breaker: after several failures in a row it allows no call for a while, so that a dead server does not cost each caller
 * the whole time limit. Then it allows one call at a time as a trial, until one is answered.
 */
export interface Breaker {
  /** Begins a call. Returns undefined if none may be made now. */
  begin(): Attempt | undefined
}

export function createBreaker(options: {
  clock: Pick<Clock, 'monotonic'>
  /** Called when calls are given up. `error`: the last failure. */
  opened(error: unknown): void
  /** Called at the first answer after that. */
  closed(): void
}): Breaker {
  const { clock, opened, closed } = options
  let failures = 0
  /** Number of pauses since the last answer: 0 while calls are allowed. */
  let pauses = 0
  /** Time (ms, by `monotonic`) of the next trial. */
  let nextTrial = 0
  let trying = false

  function rest(): void {
    nextTrial = clock.monotonic() + backoffDelay(pause, ++pauses)
  }

  function answered(): void {
    failures = 0
    if (pauses === 0) return
    pauses = 0
    closed()
  }

  function failed(error: unknown): void {
    // Calls that began before the pause may fail during it.
    if (pauses > 0 || ++failures < maxFailures) return
    rest()
    opened(error)
  }

  return {
    begin() {
      if (pauses === 0) return { answered, failed }
      if (trying || clock.monotonic() < nextTrial) return undefined
      trying = true
      return {
        answered() {
          trying = false
          answered()
        },
        failed(error) {
          trying = false
          if (pauses > 0) rest()
          else failed(error)
        },
      }
    },
  }
}

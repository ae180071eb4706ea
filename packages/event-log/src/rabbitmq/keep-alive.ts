import type { Clock } from '@rabble/clock'
import { backoffDelay } from '@rabble/clock/retry'
import type { Outage } from '../outage.ts'

/** Pauses (ms) between attempts. */
const backoff = { first: 100, longest: 5_000 }

export interface KeepAliveOptions {
  /** Name of the part in the log. */
  part: string
  outage: Outage
  clock: Clock
  signal: AbortSignal
}

/**
 * Runs `attempt` until `signal` aborts, with a pause after each run. `attempt` connects, calls `up`, and ends, usually by
 * throwing, when the connection is lost.
 */
export async function keepAlive(
  options: KeepAliveOptions,
  attempt: (up: () => void) => Promise<void>,
): Promise<void> {
  const { part, outage, clock, signal } = options
  for (let failures = 1; !signal.aborted; failures++) {
    let upAt = Number.POSITIVE_INFINITY
    try {
      await attempt(() => {
        upAt = clock.monotonic()
        outage.up(part)
      })
    } catch (error) {
      if (!signal.aborted) outage.down(part, error)
    }
    // The pause also grows if the part comes up but fails again soon.
    if (clock.monotonic() - upAt > backoff.longest) failures = 1
    await clock.sleep(backoffDelay(backoff, failures), { signal })
  }
  // A reader that ended while it was down is no longer part of the outage.
  outage.up(part)
}

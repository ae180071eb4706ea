import type { Clock } from '@rabble/clock'
import { backoffDelay } from '@rabble/clock/retry'
import type { Outage } from '../outage.ts'

/** Pauses (ms) between attempts. */
const backoff = { first: 100, longest: 5_000 }

export interface KeepAliveOptions {
  /** What is kept alive, for the log. */
  part: string
  outage: Outage
  clock: Clock
  signal: AbortSignal
}

/**
 * Keeps something alive: `attempt` brings it up, calls `up`, and ends, usually by throwing, when it is lost. Then it is
 * called again after a pause, until `signal` aborts.
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
    // What comes up only to fall down again waits longer each time, too.
    if (clock.monotonic() - upAt > backoff.longest) failures = 1
    await clock.sleep(backoffDelay(backoff, failures), { signal })
  }
  // A reader that ended while it was down is missed by nobody.
  outage.up(part)
}

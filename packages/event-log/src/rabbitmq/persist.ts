import type { Clock } from '@rabble/clock'
import type { Outage } from '../outage.ts'

const firstDelay = 100
const longestDelay = 5000

export interface PersistOptions {
  /** What is kept alive, for the log. */
  part: string
  outage: Outage
  clock: Clock
  signal: AbortSignal
}

/**
 * Keeps something alive: `attempt` brings it up, calls `up`, and ends, usually by throwing, when it is lost; then it is
 * called again after a while, until `signal` aborts. Full jitter: a hundred gateways don't come back in one moment.
 */
export async function persist(
  options: PersistOptions,
  attempt: (up: () => void) => Promise<void>,
): Promise<void> {
  const { part, outage, clock, signal } = options
  for (let failures = 0; !signal.aborted; failures++) {
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
    if (clock.monotonic() - upAt > longestDelay) failures = 0
    const delay = Math.random() * Math.min(longestDelay, firstDelay * 2 ** Math.min(failures, 10))
    await clock.sleep(delay, { signal })
  }
  // A reader that ended while it was down is missed by nobody.
  outage.up(part)
}

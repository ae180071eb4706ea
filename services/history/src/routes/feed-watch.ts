import { type Clock, systemClock } from '@rabble/clock'

/** Time (ms) between two looks at the end of the stored events, however many readers wait. Without readers there are none. */
const interval = 250

/** Lets readers of the feed wait for new events, which any replica may store. */
export interface FeedWatch {
  /**
   * Resolves once the end of the events is not `end` any more, after `wait` milliseconds, or when `signal` aborts or the watch is
   * closed. Never rejects.
   */
  beyond(end: string, wait: number, signal: AbortSignal): Promise<void>
  close(): void
}

interface Waiter {
  end: string
  wake(): void
}

/** `end` returns the end of the events; see `feedEnd`. While it fails, readers wait for their time. */
export function createFeedWatch(
  end: () => Promise<string>,
  { clock = systemClock }: { clock?: Clock } = {},
): FeedWatch {
  const waiters = new Set<Waiter>()
  const closing = new AbortController()
  let isWatching = false

  async function watch(): Promise<void> {
    if (isWatching) return
    isWatching = true
    while (waiters.size > 0) {
      await clock.sleep(interval, { signal: closing.signal })
      const found = waiters.size === 0 ? undefined : await end().catch(() => undefined)
      if (found === undefined) continue
      for (const waiter of waiters) if (waiter.end !== found) waiter.wake()
    }
    isWatching = false
  }

  return {
    async beyond(end, wait, signal) {
      if (signal.aborted || closing.signal.aborted) return
      await new Promise<void>((resolve) => {
        const waiter: Waiter = { end, wake }
        const timer = clock.setTimeout(wake, wait)
        function wake() {
          timer.cancel()
          waiters.delete(waiter)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        waiters.add(waiter)
        signal.addEventListener('abort', wake)
        void watch()
      })
    },
    close() {
      closing.abort()
      for (const waiter of waiters) waiter.wake()
    },
  }
}

import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import type { Clock } from '@rabble/clock'

/**
 * Counts requests in windows, for @fastify/rate-limit. Its own store uses the wall clock: after that is set back by an hour, a
 * window of a minute would last for an hour. At most `most` windows are kept; the least recently used go first.
 */
export function requestWindows(clock: Pick<Clock, 'monotonic'>, most: number): FastifyRateLimitStoreCtor {
  return class Windows implements FastifyRateLimitStore {
    /** In the order of use, least recent first. */
    readonly #windows = new Map<string, { current: number; endsAt: number }>()

    incr(
      key: string,
      callback: (error: Error | null, result?: { current: number; ttl: number }) => void,
      milliseconds = 0,
    ): void {
      const now = clock.monotonic()
      let window = this.#windows.get(key)
      if (window === undefined || window.endsAt <= now) window = { current: 0, endsAt: now + milliseconds }
      window.current++
      this.#windows.delete(key)
      this.#windows.set(key, window)
      const [oldest] = this.#windows.keys()
      if (this.#windows.size > most && oldest !== undefined) this.#windows.delete(oldest)
      callback(null, { current: window.current, ttl: Math.ceil(window.endsAt - now) })
    }

    child(): FastifyRateLimitStore {
      return new Windows()
    }
  }
}

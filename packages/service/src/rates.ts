import type { Clock } from '@rabble/clock'
import { TokenBucket } from './token-bucket.ts'

/** Number of keys that are counted: whatever was quiet for longer than so many others is forgotten, and may do all again. */
const maxKeys = 10_000

export interface RateLimit {
  perSecond: number
  /** Default: `perSecond`. */
  burst?: number
}

/** What each of many users or addresses may do in a time. */
export interface Rates {
  /** Takes one of what `key` may do. Returns 0, or the milliseconds until it may, if nothing was taken. */
  take(key: string): number
}

export function createRates(
  { perSecond, burst = perSecond }: RateLimit,
  clock: Clock,
  most = maxKeys,
): Rates {
  const buckets = new Map<string, TokenBucket>()
  return {
    take(key) {
      const now = clock.monotonic()
      const bucket = buckets.get(key) ?? new TokenBucket(perSecond, burst, now)
      // Maps keep the order in which keys were added: the first is the one that was used longest ago.
      buckets.delete(key)
      buckets.set(key, bucket)
      for (const oldest of buckets.keys()) {
        if (buckets.size <= most) break
        buckets.delete(oldest)
      }
      return bucket.take(now)
    },
  }
}

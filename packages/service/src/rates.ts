import type { Clock } from '@rabble/clock'
import { TokenBucket } from './token-bucket.ts'

/**
 * Maximum number of keys that are counted. Beyond it, the key that was quiet for longest is forgotten, and has its full allowance
 * again.
 */
const maxKeys = 10_000

export interface RateLimit {
  perSecond: number
  /** Maximum number at once. Default: `perSecond`. */
  burst?: number
}

/** Rate limit for each of many users or addresses. */
export interface Rates {
  /** Takes one from the allowance of `key`. Returns 0, or the milliseconds to wait, if nothing was taken. */
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
      // Maps keep the order of insertion: the first key is the one that was unused for longest.
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

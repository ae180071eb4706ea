import type { Clock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import { TokenBucket } from '../token-bucket.ts'

/** Who was not heard of for longer than so many others is forgotten, and begins with a full bucket. */
const mostKeys = 10_000

export interface Rates {
  /** Takes one of what `key` may have. @throws RabbleError `rate-limited` */
  take(key: string): void
}

/** So many a second for each key, and as many at once after a quiet second. */
export function createRates(perSecond: number, clock: Clock, most = mostKeys): Rates {
  const buckets = new Map<string, TokenBucket>()
  return {
    take(key) {
      const now = clock.monotonic()
      const bucket = buckets.get(key) ?? new TokenBucket(perSecond, perSecond, now)
      // Maps keep the order in which keys were added: the first is the one that was used longest ago.
      buckets.delete(key)
      buckets.set(key, bucket)
      for (const oldest of buckets.keys()) {
        if (buckets.size <= most) break
        buckets.delete(oldest)
      }
      const wait = bucket.take(now)
      if (wait > 0) {
        throw new RabbleError('rate-limited', `no more than ${perSecond} messages a second`, {
          retryAfter: wait,
        })
      }
    },
  }
}

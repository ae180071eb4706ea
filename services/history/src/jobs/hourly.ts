import { type Partition, retryForPartition } from '../projection/partition.ts'

/** Minimum time (ms) between two rounds. */
const interval = 60 * 60_000

/**
 * Returns a function that calls `trim`, which deletes some rows and returns their number, until there are none, once an hour. It
 * retries `trim` until it succeeds.
 */
export function hourly(options: Partition, doing: string, trim: () => Promise<number>): () => Promise<void> {
  const { clock, partition, signal } = options
  let last = Number.NEGATIVE_INFINITY
  return async () => {
    // One partition is enough: they share the tables.
    if (partition !== 0 || clock.monotonic() - last < interval) return
    last = clock.monotonic()
    for (let deleted = 1; deleted > 0 && !signal.aborted; ) {
      deleted = await retryForPartition({ ...options, problems: new Map() }, doing, trim).catch(() => 0)
    }
  }
}

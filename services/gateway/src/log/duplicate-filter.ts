import type { Clock } from '@rabble/clock'

/**
 * Ids of recent events, so that an event that is in the log twice is delivered once. Holds the last `size` to twice `size` ids,
 * in two generations: the older one is dropped when the younger one is full.
 */
export interface DuplicateFilter {
  /** Adds an id. Returns false if it was seen before. */
  add(id: string): boolean
  has(id: string): boolean
  /** Time (ms, by the clock's `monotonic`) since which no id was dropped. */
  readonly since: number
}

/** `since`: time (ms, by the clock's `monotonic`) from which all ids are added. Default: now. */
export function createDuplicateFilter(
  size: number,
  clock: Pick<Clock, 'monotonic'>,
  since: number = clock.monotonic(),
): DuplicateFilter {
  let young = new Set<string>()
  let youngSince = since
  let old = new Set<string>()
  let completeSince = since
  return {
    add(id) {
      if (young.has(id) || old.has(id)) return false
      if (young.size >= size) {
        old = young
        completeSince = youngSince
        young = new Set()
        youngSince = clock.monotonic()
      }
      young.add(id)
      return true
    },
    has: (id) => young.has(id) || old.has(id),
    get since() {
      return completeSince
    },
  }
}

import type { Clock } from '@rabble/clock'

/**
 * The ids of events that were seen lately, so that an event which stands in the log twice is handed out once. Holds the
 * last `size` to twice `size` ids: two generations, of which the older is dropped when the younger is full.
 */
export interface DuplicateFilter {
  /** False if the id was seen before. */
  add(id: string): boolean
  has(id: string): boolean
  /** The time (of the clock's `monotonic`, ms) since which no id was dropped. */
  readonly since: number
}

/** `since` is the time from which on all ids will have been added; default: now. */
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

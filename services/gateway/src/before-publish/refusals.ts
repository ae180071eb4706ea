/** Maximum number of refusals of one generation. */
const size = 5_000

/**
 * Refusals of recent events, so that an event that is sent again is refused again, for the same reason. Holds the last `size` to
 * twice `size` events, in two generations: the older one is dropped when the younger one is full.
 */
export interface Refusals {
  add(id: string, reason: string): void
  /** Returns the reason; undefined if the event was not refused, or too long ago. */
  reason(id: string): string | undefined
}

export function createRefusals(): Refusals {
  let young = new Map<string, string>()
  let old = new Map<string, string>()
  return {
    add(id, reason) {
      if (young.size >= size) {
        old = young
        young = new Map()
      }
      young.set(id, reason)
    },
    reason: (id) => young.get(id) ?? old.get(id),
  }
}

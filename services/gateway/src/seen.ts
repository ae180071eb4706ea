/**
 * The ids of events that were seen lately, so that an event which stands in the log twice is handed out once. Holds the
 * last `size` to twice `size` ids: two generations, of which the older is dropped when the younger is full.
 */
export interface Seen {
  /** False if the id was seen before. */
  add(id: string): boolean
  has(id: string): boolean
}

export function createSeen(size: number): Seen {
  let young = new Set<string>()
  let old = new Set<string>()
  return {
    add(id) {
      if (young.has(id) || old.has(id)) return false
      if (young.size >= size) {
        old = young
        young = new Set()
      }
      young.add(id)
      return true
    },
    has: (id) => young.has(id) || old.has(id),
  }
}

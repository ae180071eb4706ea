/** Numbers of users, over all gateways, in the rooms that concern this gateway. */
export interface Counts {
  /** Takes a count unless a newer one is known. Returns whether the number has changed. */
  observe(room: string, count: number, version: number): boolean
  get(room: string): number | undefined
  forget(room: string): void
}

export function createCounts(): Counts {
  const counts = new Map<string, { count: number; version: number }>()
  return {
    observe(room, count, version) {
      const known = counts.get(room)
      if (known !== undefined && known.version >= version) return false
      counts.set(room, { count, version })
      return known?.count !== count
    },
    get: (room) => counts.get(room)?.count,
    forget: (room) => counts.delete(room),
  }
}

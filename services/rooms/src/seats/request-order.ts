import type { Clock } from '@rabble/clock'

/** The place of a call among the calls of one client. */
export interface RequestPlace {
  /** Higher than that of each call before. */
  order: number
  /** Calls up to this one have been answered, or nobody waits for them any more. */
  settled: number
}

/**
 * Numbers calls so that one that got stuck on its way, and that was given up, can be told from those that count: done
 * late, it would undo what was asked for after it. A higher number tells nothing by itself, since calls may run side by side.
 */
export function createRequestOrder(clock: Clock): {
  run<Result>(call: (place: RequestPlace) => Promise<Result>): Promise<Result>
} {
  // Whoever makes a client anew for the same gateway begins higher.
  let last = clock.now() * 1000
  // In the order of their numbers.
  const open = new Set<number>()

  return {
    async run(call) {
      const [oldest = last + 1] = open
      const order = ++last
      open.add(order)
      try {
        return await call({ order, settled: oldest - 1 })
      } finally {
        open.delete(order)
      }
    },
  }
}

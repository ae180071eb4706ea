import type { Clock } from '@rabble/clock'

/** Position of a call among the calls of one client. */
export interface RequestPlace {
  /** Number of this call, higher than those of all earlier calls. */
  order: number
  /** Number up to which all calls have been answered or given up. */
  settled: number
}

/**
 * Numbers calls, so that the service can tell a delayed call that was given up from calls that count: carried out late, it
 * would undo what later calls asked for. A higher number alone means nothing, since calls may run concurrently.
 */
export function createRequestOrder(clock: Clock): {
  run<Result>(call: (place: RequestPlace) => Promise<Result>): Promise<Result>
} {
  // A client that is created later for the same gateway starts with higher numbers.
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

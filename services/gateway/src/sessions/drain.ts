import type { Clock } from '@rabble/clock'
import type { Logger } from '@rabble/service'
import type { Session } from './session.ts'

/** Time (ms) that each client adds to the window in which all of them leave. */
const perSession = 10
/** Minimum and maximum length (ms) of the steps in which clients are told. */
const shortestStep = 100
const longestStep = 250
const message = 'this gateway is draining'

/** Milliseconds. */
export interface DrainTimes {
  /** Time for which a client may stay after it should have left. */
  reconnectGrace: number
  /** Maximum time until all that it has sent is confirmed. */
  confirmTimeout: number
}

export const defaultDrainTimes: DrainTimes = { reconnectGrace: 2_000, confirmTimeout: 5_000 }

/** Returns the maximum duration (ms) of a drain with this window (ms). */
export function drainTimeout(window: number): number {
  return window + defaultDrainTimes.reconnectGrace + defaultDrainTimes.confirmTimeout
}

/**
 * Sends clients to other gateways, a few at a time, in random order: so they spread evenly, and the other gateways have time to
 * accept them. A client that does not leave is closed. Resolves when no client is left.
 */
export async function drain(options: {
  /** Sessions of the gateway. Those that have ended are removed from it. */
  sessions: ReadonlySet<Session>
  /** Maximum window (ms) in which they leave. */
  longest: number
  times?: DrainTimes | undefined
  /** Aborts when no session is left. */
  allGone: AbortSignal
  /** Stops reading from a session. Resolves when all that it has sent is answered. */
  settle(session: Session): Promise<void>
  clock: Clock
  logger: Logger
}): Promise<void> {
  const { sessions, longest, allGone, settle, clock, logger } = options
  const { reconnectGrace, confirmTimeout } = options.times ?? defaultDrainTimes
  for (const session of sessions) {
    if (session.user === undefined) session.close('restarting', message)
  }
  const waiting = shuffled(sessions)
  const window = Math.min(longest, perSession * waiting.length)
  const dismissals: Promise<void>[] = []
  const began = clock.monotonic()
  logger.info({ sessions: waiting.length, window }, 'sending clients to other gateways')

  async function dismiss(some: readonly Session[], step: number): Promise<void> {
    await clock.sleep(step + reconnectGrace, { signal: allGone })
    const late = clock.sleep(confirmTimeout, { signal: allGone })
    await Promise.all(
      some.map(async (session) => {
        if (session.closed) return
        await Promise.race([settle(session), late])
        session.close('restarting', message)
      }),
    )
  }

  for (let left = window; waiting.length > 0 && !allGone.aborted; ) {
    const step = Math.min(left, shortestStep + Math.random() * (longestStep - shortestStep))
    const share = step < left ? Math.ceil((waiting.length * step) / left) : waiting.length
    const some = waiting.splice(0, share)
    for (const session of some) {
      session.leaving = true
      session.reply({ type: 'reconnect', after: Math.floor(Math.random() * step) })
    }
    dismissals.push(dismiss(some, step))
    left -= step
    if (waiting.length > 0) await clock.sleep(step, { signal: allGone })
  }
  await Promise.all(dismissals)
  const seconds = Math.round(clock.monotonic() - began) / 1000
  logger.info({ left: sessions.size, seconds }, 'sent clients to other gateways')
}

/** Returns the items in random order (Fisher–Yates). */
function shuffled<Item>(items: Iterable<Item>): Item[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const [one, other] = [result[i], result[j]]
    if (one !== undefined && other !== undefined) {
      result[i] = other
      result[j] = one
    }
  }
  return result
}

import type { Clock } from '@rabble/clock'
import type { Session } from './session.ts'

/** How often (ms) all connections are looked at; a client is told to go within that time. */
const every = 20_000
/** How long (ms) it may stay then. */
const reconnectGrace = 60_000

/**
 * Asks clients to come back on another connection before theirs is older than `longest` (ms), each at another time of the second
 * half of it. An Nginx whose configuration was loaded anew keeps its old processes for as long as connections go through them:
 * so they end in time, without one moment in which all of those clients are cut off. A client that doesn't go is closed. Returns
 * what stops it.
 */
export function limitLifetime(
  sessions: Iterable<Session>,
  { longest, clock }: { longest: number; clock: Clock },
): () => void {
  const times = new WeakMap<Session, number>()

  function sweep(): void {
    const at = clock.monotonic()
    for (const session of sessions) {
      const time =
        times.get(session) ??
        session.connectedAt + longest * (0.5 + Math.random() / 2) - every - reconnectGrace
      times.set(session, time)
      if (at < time) continue
      if (at >= time + every + reconnectGrace)
        session.close('restarting', 'this connection was there for too long')
      else if (!session.leaving) {
        session.leaving = true
        session.reply({ type: 'reconnect', after: Math.floor(Math.random() * every) })
      }
    }
  }

  const timer = clock.setInterval(sweep, every)
  return () => timer.cancel()
}

import type { Clock } from '@rabble/clock'
import type { Session } from './session.ts'

/** Time (ms) between two checks of all connections. A client is told to reconnect within that time. */
const every = 20_000
/** Time (ms) for which it may stay after that. */
const reconnectGrace = 60_000

/**
 * Asks clients to reconnect before their connection is older than `longest` (ms), each at a random time in the second half of
 * that age. An Nginx that has reloaded its configuration keeps its old processes for as long as connections go through them: so
 * these processes end in time, without one moment at which all their clients are cut off. A client that does not reconnect is
 * closed. Returns a function that stops it.
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
        session.close('restarting', 'this connection has reached its maximum age')
      else if (!session.leaving) {
        session.leaving = true
        session.reply({ type: 'reconnect', after: Math.floor(Math.random() * every) })
      }
    }
  }

  const timer = clock.setInterval(sweep, every)
  return () => timer.cancel()
}

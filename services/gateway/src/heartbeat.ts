import type { Session } from './session.ts'

/** Milliseconds. */
export interface HeartbeatTimes {
  helloTimeout: number
  heartbeat: number
}

/**
 * Ends who says no hello in time, whose token expires, who doesn't read, and who is silent, after asking for a sign of life.
 * `lost` is called for the last ones, whose connection is ended without asking. Returns what stops it.
 */
export function watchOver(
  sessions: Iterable<Session>,
  { helloTimeout, heartbeat }: HeartbeatTimes,
  lost: (session: Session) => void,
): () => void {
  function sweep(): void {
    const at = performance.now()
    const wall = Date.now()
    for (const session of sessions) {
      const silent = at - session.lastHeard
      const stuck = session.stuck(at, 2 * heartbeat)
      if (session.user === undefined && at - session.connectedAt > helloTimeout) {
        session.close('policy', 'no hello in time')
      } else if (session.expiresAt !== undefined && session.expiresAt <= wall) {
        session.close('policy', 'the token has expired')
      } else if (silent > 2 * heartbeat) {
        lost(session)
        session.connection.terminate()
      } else if (stuck) {
        session.close('tooSlow', 'too slow: nothing of what waits was read for too long')
      } else if (silent > heartbeat) {
        session.connection.ping()
      }
    }
  }

  const timer = setInterval(sweep, Math.min(1000, heartbeat / 4))
  return () => clearInterval(timer)
}

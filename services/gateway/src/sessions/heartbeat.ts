import type { Clock } from '@rabble/clock'
import type { Session } from './session.ts'

/** Milliseconds. */
export interface HeartbeatTimes {
  helloTimeout: number
  heartbeat: number
}

/**
 * Closes sessions that send no hello in time, whose token expires, that do not read, or that do not finish a message within a
 * heartbeat. Pings silent sessions. If one does not answer, it calls `lost` and drops the connection. Returns a function that
 * stops it.
 */
export function startHeartbeat(
  sessions: Iterable<Session>,
  { helloTimeout, heartbeat, clock }: HeartbeatTimes & { clock: Clock },
  lost: (session: Session) => void,
): () => void {
  const every = Math.min(1000, heartbeat / 4)
  let sweptAt = clock.monotonic()
  /** Time at which this process resumed after a long standstill. Data that came meanwhile is read only after this sweep. */
  let resumedAt = Number.NEGATIVE_INFINITY

  function sweep(): void {
    const at = clock.monotonic()
    const wall = clock.now()
    if (at - sweptAt > heartbeat / 2 + every) resumedAt = at
    sweptAt = at
    for (const session of sessions) {
      // A session that has been silent since then is pinged first.
      const silent = at - Math.max(session.lastHeard, resumedAt - heartbeat)
      const stuck = session.stuck(at, 2 * heartbeat, resumedAt)
      const { unfinishedSince = at, longestSilence = 2 * heartbeat } = session.connection
      if (session.user === undefined && at - Math.max(session.connectedAt, resumedAt) > helloTimeout) {
        session.close('noHello', 'no hello in time')
      } else if (session.expiresAt !== undefined && session.expiresAt <= wall) {
        session.close('tokenExpired', 'the token has expired')
      } else if (silent > Math.min(longestSilence, 2 * heartbeat)) {
        lost(session)
        session.connection.terminate()
      } else if (stuck) {
        session.close('tooSlow', 'too slow: no waiting data was read in time')
      } else if (at - Math.max(unfinishedSince, resumedAt) > heartbeat) {
        session.close('tooSlow', 'too slow: a message was not finished in time')
      } else if (silent >= heartbeat) {
        session.ping()
      }
    }
  }

  const timer = clock.setInterval(sweep, every)
  return () => timer.cancel()
}

import { setMaxListeners } from 'node:events'
import type { Clock } from '@rabble/clock'
import { type Limits, RabbleError } from '@rabble/contract'
import { isAllowedOrigin, type Logger, type Origins } from '@rabble/service'
import type { Metrics } from './metrics.ts'
import { CommandQueue } from './sessions/command-queue.ts'
import { type DrainTimes, drain } from './sessions/drain.ts'
import { startHeartbeat } from './sessions/heartbeat.ts'
import type { Hub } from './sessions/hub.ts'
import { limitLifetime } from './sessions/lifetime.ts'
import { Session } from './sessions/session.ts'
import type { ClientInfo, SessionHost } from './transports/transport.ts'

/** Time (ms) after which a client that was refused should try again. A proxy need not wait. */
const comeBackAfter = 1_000
/** Milliseconds. */
const day = 24 * 60 * 60 * 1000

/** State of a gateway, from its start to its end. */
export type Phase = 'open' | 'draining' | 'stopped'

/** The connections of a gateway, as transports and the gateway itself use them. */
export interface Connections
  extends Pick<SessionHost, 'refusal' | 'allows' | 'open' | 'receive' | 'disconnected'> {
  /** Sends all clients to other gateways, over at most `longest` (ms). The phase must be `draining`. */
  drain(longest: number): Promise<void>
  /** Closes all sessions. */
  close(): void
}

/** Makes sessions of the connections that transports open, and ends each of them once. */
export function acceptConnections(options: {
  /** Id of the gateway. */
  id: string
  hub: Hub
  limits: Limits
  allowedOrigins: Origins
  /** Maximum number of concurrent connections. */
  connections: number
  /** Times (ms) in which a client must say hello, and after which a silent one is pinged. */
  helloTimeout: number
  heartbeat: number
  /** Default: 1 day. */
  maxConnectionAge?: number
  drainTimes?: DrainTimes
  phase(): Phase
  /** Returns why clients should use another gateway, or undefined. */
  unready(): string | undefined
  /** Carries out what a client sent. */
  receive(session: Session, data: string | Buffer): void | Promise<void>
  /** Called when a session has ended. `clean`: its user will not come back with it. */
  ended(session: Session, clean: boolean): void
  /** Resolves once each event that waits for the log is confirmed or has failed. */
  settled(): Promise<void>
  clock: Clock
  metrics: Metrics
  logger: Logger
}): Connections {
  const { id, hub, limits, phase, unready, clock, metrics, logger } = options
  const queues = new WeakMap<Session, CommandQueue<string | Buffer>>()
  /** Aborts when the last session has gone while this gateway drains. */
  const allGone = new AbortController()
  setMaxListeners(0, allGone.signal)
  let sessions = 0
  const stopHeartbeat = startHeartbeat(hub.sessions, options, (session) => end(session, 'silent'))
  const { maxConnectionAge: longest = day } = options
  const stopLimiting = limitLifetime(hub.sessions, { longest, clock })

  function allows({ origin, reached }: Pick<ClientInfo, 'origin' | 'reached'>): boolean {
    if (isAllowedOrigin(origin, reached, options.allowedOrigins)) return true
    metrics.refusedConnections.inc({ reason: 'origin' })
    return false
  }

  function end(session: Session, reason: string, clean = false): void {
    if (!hub.sessions.has(session)) return
    hub.remove(session)
    session.end()
    options.ended(session, clean && !session.leaving)
    metrics.closed.inc({ reason: reason === 'client' && session.leaving ? 'reconnect' : reason })
    metrics.connections.dec({ transport: session.transport })
    if (phase() === 'draining' && hub.sessions.size === 0) allGone.abort()
  }

  return {
    refusal() {
      const why = unready()
      if (why === undefined && hub.sessions.size < options.connections) return undefined
      const now = phase()
      const reason = why === undefined ? 'full' : now === 'open' ? 'unready' : now
      metrics.refusedConnections.inc({ reason })
      return new RabbleError('unavailable', `this gateway takes no connections: ${why ?? 'it is full'}`, {
        retryAfter: comeBackAfter,
      })
    },
    allows,
    open(connection, { origin, reached, ...known }) {
      if (!allows({ origin, reached })) {
        connection.close('policy', 'this origin is not allowed')
        return undefined
      }
      const { transport } = known
      const client = { id: `${id}-${++sessions}`, connection, ...known }
      const session = new Session(client, limits, { dirty: hub.dirty, ended: end }, clock)
      hub.add(session)
      queues.set(session, new CommandQueue((data) => options.receive(session, data), connection))
      metrics.connected.inc({ transport })
      metrics.connections.inc({ transport })
      return session
    },
    receive(session, data) {
      session.heard()
      if (!session.closed) queues.get(session)?.put(data)
    },
    disconnected: (session, reason = 'client', clean = false) => end(session, reason, clean),
    drain: (longest) =>
      drain({
        sessions: hub.sessions,
        longest,
        times: options.drainTimes,
        allGone: allGone.signal,
        async settle(session) {
          await queues.get(session)?.rest()
          await options.settled()
        },
        clock,
        logger,
      }),
    close() {
      stopHeartbeat()
      stopLimiting()
      for (const session of hub.sessions) session.close('goingAway', 'this gateway is stopping')
    },
  }
}

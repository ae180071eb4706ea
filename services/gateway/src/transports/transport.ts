import type { Clock } from '@rabble/clock'
import type { Limits, RabbleError } from '@rabble/contract'
import type { Reached } from '@rabble/service'
import type { FastifyInstance } from 'fastify'
import type { Connection } from '../sessions/connection.ts'
import type { HeartbeatTimes } from '../sessions/heartbeat.ts'
import type { Session } from '../sessions/session.ts'

/**
 * One way by which clients reach the gateway. It owns routes, negotiation and bytes, and knows nothing of rooms and messages.
 * `sessions/connection.ts` specifies what its connections must do, and `SessionHost` how it uses sessions.
 */
export interface Transport {
  /** The name of the transport in metrics, such as `websocket`. */
  readonly name: string
  /** Adds the routes to a Fastify instance that does not listen yet. */
  register(app: FastifyInstance, host: SessionHost): Promise<void>
}

/** Facts that a transport reports about a client that connects. */
export interface ClientInfo {
  /** The transport's name. */
  transport: string
  /** The `Origin` header. */
  origin: string | undefined
  /** Describes how the client reached this server. The origin is compared with it. */
  reached: Reached
  /** IP address of the client itself, not of a proxy. */
  address: string
  /** The session token of a browser's cookie. */
  cookie: string | undefined
}

/** The core of the gateway, as transports see it. */
export interface SessionHost {
  /** Id of this gateway. */
  readonly id: string
  /** Room of clients whose protocol speaks to everybody. */
  readonly lobby: string
  readonly limits: Limits
  readonly times: HeartbeatTimes
  readonly clock: Clock
  /** Whether clients over WebSockets may compress, and get compressed frames. */
  readonly compression: boolean
  /** Whether the gateway is closed, or closing. */
  readonly closed: boolean
  /** Returns why no connection can be accepted now, and counts that as refused. Call it before `open`. */
  refusal(): RabbleError | undefined
  /** Whether a page of this origin may connect. Counts a refusal. `open` checks the same. */
  allows(client: Pick<ClientInfo, 'origin' | 'reached'>): boolean
  /** Accepts a connection. Returns undefined if it was refused and closed. */
  open(connection: Connection, client: ClientInfo): Session | undefined
  /**
   * Takes one frame of the client, as its connection's codec decodes it. Errors in it are answered in the order of the frames.
   */
  receive(session: Session, data: string | Buffer): void
  /**
   * Ends a session whose connection is gone. `reason` is for metrics; default: `client`. `clean` tells whether the client
   * closed the connection on purpose. Calls after the first do nothing.
   */
  disconnected(session: Session, reason?: string, clean?: boolean): void
  /** Resolves with where other gateways reach the gateway with this id, such as `http://10.0.1.7:8080`; undefined if it has gone. */
  gatewayUrl(gateway: string): Promise<string | undefined>
  /** Counts a request for a session of another gateway that was passed on, and whether that one answered. */
  forwarded(transport: string, answered: boolean): void
}

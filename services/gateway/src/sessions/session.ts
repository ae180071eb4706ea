import type { Clock } from '@rabble/clock'
import {
  type CloseReason,
  errorCodes,
  type Limits,
  RabbleError,
  type Ref,
  type ServerFrame,
  type User,
} from '@rabble/contract'
import { networkOf, sharersOf, TokenBucket } from '@rabble/service'
import type { Connection, Reply } from './connection.ts'

/** Frames a second besides messages, which have a limit of their own; enough to join every allowed room at once. */
const framesPerSecond = 100
const framesBurst = 300
/** Frames a second that may be refused for long, and at once, before the client is cut off. */
const refusalsPerSecond = 20
const refusalsBurst = 1000
/** Tokens a second, and at once: each may be a call to the rooms service. */
const refreshesPerSecond = 1
const refreshesBurst = 5
/** Pings, and pongs that were not asked for, a second for long, and at once. */
const controlsPerSecond = 10
const controlsBurst = 100
/** A typing notice goes to every member: one a second and room is plenty. */
const typingInterval = 1000

/** Events at the beginning of a session that may be repeats of what was sent over an earlier connection. */
const earlyEvents = 50

/** What the core does when a session has something to write, or ends. */
export interface SessionEvents {
  /** It has something to write, and hadn't before. */
  dirty(session: Session): void
  /** It was closed from this side; called once. */
  ended(session: Session, reason: CloseReason): void
}

/** One client's connection and what is known of it. */
export class Session {
  readonly id: string
  /** The name of its transport, for the metrics. */
  readonly transport: string
  readonly connection: Connection
  /** Whose address it comes from, as `networkOf` tells. */
  readonly network: string
  readonly rooms = new Set<string>()
  /** The token that came with the connection, in a browser's cookie. */
  readonly cookie: string | undefined
  /** IP address of the client, as proxies tell it that are trusted. */
  readonly address: string
  /** Set by `hello`. */
  user: User | undefined
  /** What the user may do besides what everybody may. */
  roles: readonly string[] = []
  /** When the token that it came with ends (milliseconds since 1970). */
  expiresAt: number | undefined
  closed = false
  /** It was asked to come back to another gateway: if it goes now, it is not gone. */
  leaving = false
  #early = earlyEvents
  /** By the clock's `monotonic`. */
  readonly connectedAt: number
  #lastHeard: number

  readonly #clock: Clock
  readonly #limits: Limits
  readonly #messages: TokenBucket
  readonly #frames: TokenBucket
  readonly #refusals: TokenBucket
  readonly #refreshes: TokenBucket
  readonly #controls: TokenBucket
  /** Pings that the client hasn't answered. */
  #pings = 0
  readonly #typedAt = new Map<string, number>()
  readonly #events: SessionEvents
  #out: Buffer[] = []
  /** Bytes of the replay that the client asked for last: they may be unread on top of the limit. */
  #allowance = 0
  /** What the system had taken of what was written when that last grew, and when this was noticed. */
  #progress: { taken: number; at: number }

  constructor(
    client: Pick<Session, 'id' | 'transport' | 'connection' | 'cookie' | 'address'>,
    limits: Limits,
    events: SessionEvents,
    clock: Clock,
  ) {
    this.id = client.id
    this.transport = client.transport
    this.connection = client.connection
    this.cookie = client.cookie
    this.address = client.address
    this.network = networkOf(client.address)
    this.#limits = limits
    this.#events = events
    this.#clock = clock
    const now = clock.monotonic()
    this.connectedAt = now
    this.#lastHeard = now
    this.#progress = { taken: 0, at: now }
    this.#messages = new TokenBucket(limits.messagesPerSecond, limits.messageBurst, now)
    this.#frames = new TokenBucket(framesPerSecond, framesBurst, now)
    this.#refusals = new TokenBucket(refusalsPerSecond, refusalsBurst, now)
    this.#refreshes = new TokenBucket(refreshesPerSecond, refreshesBurst, now)
    this.#controls = new TokenBucket(controlsPerSecond, controlsBurst, now)
  }

  /** The names under which the shares of this client are counted. */
  get sharers(): string[] {
    return sharersOf(this.address, this.user?.id)
  }

  /** When the client last gave a sign of life, by the clock's `monotonic`. */
  get lastHeard(): number {
    return this.#lastHeard
  }

  /** The client gave a sign of life. */
  heard(): void {
    this.#lastHeard = this.#clock.monotonic()
  }

  /** Asks the client for a sign of life. */
  ping(): void {
    this.#pings++
    this.connection.ping()
  }

  /** The client answered a ping, or sends pongs unasked. */
  heardPong(): void {
    this.heard()
    if (this.#pings > 0) this.#pings--
    else this.#takeControl()
  }

  /** The client asked for a sign of life. */
  heardPing(): void {
    this.heard()
    this.#takeControl()
  }

  /**
   * Control frames cost nothing by themselves, but may stand between the fragments of a message: each of those keeps all
   * in memory that came with it, so their number is what bounds it.
   */
  #takeControl(): void {
    if (this.#controls.take(this.#clock.monotonic()) > 0) this.#cutOff('too many control frames')
  }

  /** Closes the connection of a client that sends too much: nothing more is read. */
  #cutOff(message: string): void {
    this.close('policy', message)
    this.connection.pause()
  }

  /** Queues bytes that this session's codec encoded. They are written at the end of this turn of the event loop. */
  push(encoded: Buffer): void {
    if (this.closed) return
    if (this.#out.length === 0) this.#events.dirty(this)
    this.#out.push(encoded)
  }

  /** Sends a frame. Returns its size as JSON, in bytes. */
  reply(frame: ServerFrame): number {
    const { type } = frame
    const json = Buffer.from(JSON.stringify(frame))
    const ref = 'ref' in frame ? frame.ref : undefined
    this.push(this.connection.codec.encodeReply({ type, ref, json }))
    return json.length
  }

  /**
   * Sends a reply that may be longer than what a client may leave unread, because the client asked for it. Wait for
   * `connection.drained` before the next one, or the sum has no bound.
   */
  replay(reply: Reply): void {
    this.#allowance = reply.json.length
    this.push(this.connection.codec.encodeReply(reply))
    this.flush()
  }

  refuse(error: RabbleError, ref?: Ref): void {
    const { code, message, retryAfter } = error
    this.reply({
      type: 'error',
      ...(ref !== undefined && { ref }),
      code,
      message,
      ...(retryAfter !== undefined && { retryAfter }),
    })
    // An unavailable log is not the client's fault; anything else, often enough, is a flood.
    if (errorCodes[code].status < 500 && this.#refusals.take(this.#clock.monotonic()) > 0) {
      this.#cutOff('too many refused frames')
    }
  }

  /** @throws RabbleError `rate-limited` */
  takeFrame(): void {
    const wait = this.#frames.take(this.#clock.monotonic())
    if (wait > 0)
      throw new RabbleError('rate-limited', `no more than ${framesPerSecond} frames a second`, {
        retryAfter: wait,
      })
  }

  /** Whether the next event may be a repeat from an earlier connection; to be asked once for each. */
  isEarly(): boolean {
    return this.#early > 0 && this.#early-- > 0
  }

  /** The user is a new one, so that nothing was sent before. */
  hasNoPast(): void {
    this.#early = 0
  }

  /** @throws RabbleError `rate-limited` */
  takeMessage(): void {
    const wait = this.#messages.take(this.#clock.monotonic())
    if (wait > 0) {
      throw new RabbleError(
        'rate-limited',
        `no more than ${this.#limits.messagesPerSecond} messages a second`,
        { retryAfter: wait },
      )
    }
  }

  /** @throws RabbleError `rate-limited` */
  takeRefresh(): void {
    const wait = this.#refreshes.take(this.#clock.monotonic())
    if (wait > 0) {
      throw new RabbleError('rate-limited', `no more than ${refreshesPerSecond} token a second`, {
        retryAfter: wait,
      })
    }
  }

  /** Whether a typing notice for `room` may go out now. */
  takeTyping(room: string): boolean {
    const last = this.#typedAt.get(room)
    const at = this.#clock.monotonic()
    if (last !== undefined && at - last < typingInterval) return false
    if (this.#typedAt.size >= this.#limits.roomsPerSession) this.#typedAt.clear()
    this.#typedAt.set(room, at)
    return true
  }

  /** Writes what is queued, and closes the connection if the client leaves too much unread. */
  flush(): void {
    if (this.closed) return
    this.#write()
    const { unsent } = this.connection
    if (unsent <= this.#limits.unsentBytes) this.#allowance = 0
    else if (unsent > this.#limits.unsentBytes + this.#allowance) {
      this.close('tooSlow', 'too slow: more is unread than may wait')
    }
  }

  /**
   * Whether the client can't be reading, whatever it sends: nothing of what is unsent went out for `timeout` (ms). To be
   * asked at intervals. Of a long replay, which is one write, only the end is seen, so each `unsentBytes` gets that time.
   * What was before `since` doesn't count.
   */
  stuck(at: number, timeout: number, since = Number.NEGATIVE_INFINITY): boolean {
    const { taken, unsent } = this.connection
    if (unsent === 0 || taken > this.#progress.taken) this.#progress = { taken, at }
    return at - Math.max(this.#progress.at, since) > timeout * Math.max(1, unsent / this.#limits.unsentBytes)
  }

  close(reason: CloseReason, message: string): void {
    if (this.closed) return
    this.#write()
    this.connection.close(reason, message)
    this.closed = true
    this.#events.ended(this, reason)
  }

  /** The connection is gone: nothing more is written. */
  end(): void {
    this.closed = true
    this.#out = []
  }

  #write(): void {
    const pieces = this.#out
    if (pieces.length === 0) return
    this.#out = []
    this.connection.write(pieces)
  }
}

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
import type { SharedWindow } from './shared-window.ts'

/** Maximum rate (a second) and burst of frames besides messages: enough to join every allowed room at once. */
const framesPerSecond = 100
const framesBurst = 300
/** Maximum rate (a second) and burst of refused frames before the client is cut off. */
const refusalsPerSecond = 20
const refusalsBurst = 1000
/** Maximum rate (a second) and burst of signals of the application, since each goes to every member. */
const signalsPerSecond = 10
const signalsBurst = 20
/** Maximum rate (a second) and burst of new tokens. Each may be a call to the rooms service. */
const refreshesPerSecond = 1
const refreshesBurst = 5
/** Maximum rate (a second) and burst of pings and of pongs without a ping. */
const controlsPerSecond = 10
const controlsBurst = 100
/** Maximum rate (a second) and burst of read positions, mutes and ends of memberships: each is a line of the log. */
const personalPerSecond = 10
const personalBurst = 100
/** Minimum time (ms) between two typing notices in a room, since each goes to every member. */
const typingInterval = 1000

/** Number of events at the beginning of a session that may repeat those of an earlier connection. */
const earlyEvents = 50

/** Callbacks of a session to the core. */
export interface SessionEvents {
  /** Called when the session has something to write, and had nothing before. */
  dirty(session: Session): void
  /** Called once, when this side closes the session. `clean`: its user does not come back. */
  ended(session: Session, reason: CloseReason, clean: boolean): void
}

/** Connection of one client, and its state. */
export class Session {
  readonly id: string
  /** Name of its transport, for the metrics. */
  readonly transport: string
  readonly connection: Connection
  /** Network of the client's address, as `networkOf` returns it. */
  readonly network: string
  readonly rooms = new Set<string>()
  /** The token that came with the connection, in a browser's cookie. */
  readonly cookie: string | undefined
  /** IP address of the client, as trusted proxies report it. */
  readonly address: string
  /** Set by `hello`. */
  user: User | undefined
  /** Roles that allow the user more than others. */
  roles: readonly string[] = []
  /** Time at which its token expires (ms since 1970). */
  expiresAt: number | undefined
  /** Id of the browser's session that the token belongs to. The connection ends with it. */
  login: string | undefined
  closed = false
  /** Whether the client says that its user is away. */
  away = false
  /** Time (ms, by the clock's `monotonic`) at which its user last did something. */
  activeAt: number
  /** Whether the client was asked to reconnect. If it goes now, it is expected to come back. */
  leaving = false
  /** As `SharedWindow` sets them. */
  window: SharedWindow | undefined
  windowBegin = 0
  #early = earlyEvents
  /** Time (ms, by the clock's `monotonic`). */
  readonly connectedAt: number
  #lastHeard: number

  readonly #clock: Clock
  readonly #limits: Limits
  readonly #frames: TokenBucket
  // Idle sessions never need these. They are made when they are needed, and are full then.
  #messages: TokenBucket | undefined
  #refusals: TokenBucket | undefined
  #refreshes: TokenBucket | undefined
  #controls: TokenBucket | undefined
  #signals: TokenBucket | undefined
  #personal: TokenBucket | undefined
  /** Times of the last typing notices, by room. */
  #typedAt: Map<string, number> | undefined
  /** Number of pings that the client has not answered. */
  #pings = 0
  readonly #events: SessionEvents
  #out: Buffer[] = []
  /** Size (bytes) of the replay that the client asked for last. As much may be unread on top of the limit. */
  #allowance = 0
  /** Value of `connection.taken` when it last grew, and when this was noticed. */
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
    this.activeAt = now
    this.#progress = { taken: 0, at: now }
    this.#frames = new TokenBucket(framesPerSecond, framesBurst, now)
  }

  /** Returns the names under which the shares of this client are counted. */
  get sharers(): string[] {
    return sharersOf(this.address, this.user?.id)
  }

  /** Time (ms, by the clock's `monotonic`) of the client's last sign of life. */
  get lastHeard(): number {
    return this.#lastHeard
  }

  /** Notes a sign of life of the client. */
  heard(): void {
    this.#lastHeard = this.#clock.monotonic()
  }

  /** Asks the client for a sign of life. */
  ping(): void {
    this.#pings++
    this.connection.ping()
  }

  /** Notes a pong of the client, with or without a ping before it. */
  heardPong(): void {
    this.heard()
    if (this.#pings > 0) this.#pings--
    else this.#takeControl()
  }

  /** Notes a ping of the client. */
  heardPing(): void {
    this.heard()
    this.#takeControl()
  }

  /**
   * Limits control frames. They cost nothing alone, but may stand between the fragments of a message, and each fragment keeps
   * everything in memory that came with it. So their number must be bounded.
   */
  #takeControl(): void {
    const now = this.#clock.monotonic()
    this.#controls ??= new TokenBucket(controlsPerSecond, controlsBurst, now)
    if (this.#controls.take(now) > 0) this.#cutOff('too many control frames')
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
   * `connection.drained` before the next one: the sum is not limited otherwise.
   */
  replay(reply: Reply): void {
    const encoded = this.connection.codec.encodeReply(reply)
    this.#allowance = encoded.length
    // The reply may be compressed, and events may have been missed before it. So later ones can't refer to those before it.
    this.window = undefined
    this.push(encoded)
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
    // An unavailable log is not the client's fault. Any other error, often enough, is a flood.
    if (errorCodes[code].status >= 500) return
    const now = this.#clock.monotonic()
    this.#refusals ??= new TokenBucket(refusalsPerSecond, refusalsBurst, now)
    if (this.#refusals.take(now) > 0) this.#cutOff('too many refused frames')
  }

  /** @throws RabbleError `rate-limited` */
  takeFrame(): void {
    const wait = this.#frames.take(this.#clock.monotonic())
    if (wait > 0)
      throw new RabbleError('rate-limited', `no more than ${framesPerSecond} frames a second`, {
        retryAfter: wait,
      })
  }

  /** Returns whether the next event may be a repeat from an earlier connection. Call it once for each event. */
  isEarly(): boolean {
    return this.#early > 0 && this.#early-- > 0
  }

  /** Notes that the user is a new one, who has sent nothing before. */
  hasNoPast(): void {
    this.#early = 0
  }

  /** @throws RabbleError `rate-limited` */
  takeMessage(): void {
    const now = this.#clock.monotonic()
    this.#messages ??= new TokenBucket(this.#limits.messagesPerSecond, this.#limits.messageBurst, now)
    const wait = this.#messages.take(now)
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
    const now = this.#clock.monotonic()
    this.#refreshes ??= new TokenBucket(refreshesPerSecond, refreshesBurst, now)
    const wait = this.#refreshes.take(now)
    if (wait > 0) {
      throw new RabbleError('rate-limited', `no more than ${refreshesPerSecond} token a second`, {
        retryAfter: wait,
      })
    }
  }

  /** @throws RabbleError `rate-limited` */
  takeSignal(): void {
    const now = this.#clock.monotonic()
    this.#signals ??= new TokenBucket(signalsPerSecond, signalsBurst, now)
    const wait = this.#signals.take(now)
    if (wait > 0) {
      throw new RabbleError('rate-limited', `no more than ${signalsPerSecond} signals a second`, {
        retryAfter: wait,
      })
    }
  }

  /** @throws RabbleError `rate-limited` */
  takePersonal(): void {
    const now = this.#clock.monotonic()
    this.#personal ??= new TokenBucket(personalPerSecond, personalBurst, now)
    const wait = this.#personal.take(now)
    if (wait > 0) {
      throw new RabbleError('rate-limited', `no more than ${personalPerSecond} read positions a second`, {
        retryAfter: wait,
      })
    }
  }

  /** Returns whether a typing notice for `room` may be sent now. */
  takeTyping(room: string): boolean {
    this.#typedAt ??= new Map()
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
      this.close('tooSlow', 'too slow: too much data is unread')
    }
  }

  /**
   * Returns whether the client cannot be reading, whatever it sends: no unsent byte went out for `timeout` (ms). Call it at
   * intervals. Of a long replay, which is one write, only the end is seen, so each `unsentBytes` gets that time. Time before
   * `since` does not count.
   */
  stuck(at: number, timeout: number, since = Number.NEGATIVE_INFINITY): boolean {
    const { taken, unsent } = this.connection
    if (unsent === 0 || taken > this.#progress.taken) this.#progress = { taken, at }
    return at - Math.max(this.#progress.at, since) > timeout * Math.max(1, unsent / this.#limits.unsentBytes)
  }

  /** Closes the connection. `clean`: the user does not come back, so the name of a guest is free. */
  close(reason: CloseReason, message: string, clean = false): void {
    if (this.closed) return
    this.#write()
    this.connection.close(reason, message)
    this.closed = true
    this.#events.ended(this, reason, clean)
  }

  /** Ends the session of a connection that is gone: nothing more is written. */
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

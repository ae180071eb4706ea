import type { Timer } from '@rabble/clock'
import type { ClientFrame, closeCodes, ServerFrame, ServerFrames } from '@rabble/contract'
import { backoff } from './backoff.ts'
import type { ChatClock } from './clock.ts'
import type { Credentials } from './credentials.ts'
import { Deferred } from './deferred.ts'
import { ChatError, type ChatErrorCode } from './errors.ts'
import { disconnected, type Reply, type RequestFrame, SocketSession } from './socket-session.ts'
import type { Store } from './store.ts'
import { TransportChoice } from './transport-choice.ts'
import type { ChatState, Transport, WebSocketLike } from './types.ts'

/** Duration (ms) after which a connection counts as stable: after it, the next failure starts from a short wait again. */
const goodAfter = 5_000
/** Wait (ms) between attempts while the browser reports that it is offline. */
const rest = 30_000
/** Events of browsers after which an open connection may be dead, or a new one may be possible. */
const wakes = ['online', 'offline', 'visibilitychange', 'pageshow', 'resume']
/** Interval (ms) between checks of the connection, and the delay of a check that shows that the machine stood still. */
const lookEvery = 1_000
const stoodStill = 3_000
/** Maximum number of refused tokens in a row, and the time (ms) that the application has to get another one. */
const maxRefusals = 5
const renewal = 2_000
/** Shortest and longest wait (ms) before an attempt to return to the first transport. */
const firstReturn = 30_000
const lastReturn = 30 * 60_000

// The SDK imports only types from the contract: the compiler compares this list with it.
type Final = Extract<(typeof closeCodes)[keyof typeof closeCodes], { retry: false }>['code']
const finalCloseCodes: Record<Final, true> = { 1007: true, 1008: true, 1009: true, 4401: true }
const tokenExpired: (typeof closeCodes)['tokenExpired']['code'] = 4401

export interface ConnectionOptions {
  /** Transports to use, the best one first. */
  transports: Transport[]
  /** Returns a function that opens a socket. It may throw, for example for an address that a page over https may not use. */
  load(transport: Transport): Promise<() => WebSocketLike>
  /** Silence (ms) after which the gateway is probed. */
  heartbeat: number
  credentials: Credentials
  /** Keeps the last transport that worked. */
  store: Store
  clock: ChatClock
}

export interface ConnectionEvents {
  state(state: ChatState): void
  /** Reports a new connection, on which no room is joined yet. The state is `open` already. */
  opened(): void
  frame(frame: ServerFrame): void
}

/** Session with a gateway. It reconnects until the server's answer is final. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  #state: ChatState = { is: 'connecting', attempt: 1 }
  #open: SocketSession | undefined
  /** Session that will replace the open one. The open one may still exist. */
  #opening: SocketSession | undefined
  /** Time of the last opening by the clock's `monotonic`; undefined before the first one. */
  #openedAt: number | undefined
  /** Number of failed attempts in a row. */
  #failed = 0
  /** Number of refused tokens in a row. */
  #refusals = 0
  /** Counts attempts: an attempt that waited for a token may be outdated. */
  #turn = 0
  #timer: Timer | undefined
  readonly #choice: TransportChoice
  /** Whether the next attempt, or the present one, is to return to the first transport while another one works. */
  #isReturn = false
  #returnWait = firstReturn
  #opened = new Deferred<void>()
  /** Time of the last check by both clocks: in some browsers only the wall clock runs while the machine sleeps. */
  #lookedAt: { own: number; wall: number }
  readonly #looks: Timer
  readonly #onWake = ({ type }: { type: string }) => {
    if (type === 'online') this.#online()
    if (type === 'offline' && this.#state.is === 'waiting') this.#wait(this.#state.why, rest)
    else if (type !== 'visibilitychange' || globalThis.document?.visibilityState === 'visible')
      this.#wake(type)
  }

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
    const { clock, heartbeat } = options
    this.#choice = new TransportChoice(options)
    this.#lookedAt = { own: clock.monotonic(), wall: clock.now() }
    this.#looks = clock.setInterval(() => this.#look(), Math.min(lookEvery, heartbeat / 8))
    // Listens in the capture phase, since not all of these events bubble.
    for (const type of wakes) globalThis.addEventListener?.(type, this.#onWake, true)
  }

  get state(): ChatState {
    return this.#state
  }

  /** Resolves when there is a connection. @throws ChatError `closed`, or the reason why no connection is possible */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  tell(frame: ClientFrame): void {
    this.#open?.tell(frame)
  }

  /** @throws ChatError of the server, `too-large`, `disconnected` or `timeout` */
  request<F extends RequestFrame>(frame: F, now?: (reply: Reply<F>) => void): Promise<Reply<F>> {
    return this.#open?.request(frame, now) ?? Promise.reject(disconnected())
  }

  /**
   * Opens another connection, and keeps the present one until then. Without a connection it tries at once; the first connection
   * needs this call too. An attempt in progress is dropped, since it may never get an answer.
   */
  reconnect(): void {
    if (this.#state.is === 'closed') return
    this.#abandon()
    void this.#attempt()
  }

  close(): void {
    this.#close('closed', 'the chat was closed')
  }

  /** Detects a sleep: timers stop with the page and with the machine, so the first check after a sleep comes late. */
  #look(): void {
    const { clock } = this.#options
    const before = this.#lookedAt
    this.#lookedAt = { own: clock.monotonic(), wall: clock.now() }
    const { own, wall } = this.#lookedAt
    if (Math.max(own - before.own, wall - before.wall) > lookEvery + stoodStill) this.#wake()
    this.#open?.look()
  }

  /** Another network may let pass what the one before did not. */
  #online(): void {
    this.#returnWait = firstReturn
    if (this.#open === undefined) this.#choice.reset()
    else if (this.#isReturn) this.#returnLater()
  }

  /** Probes an open connection, which may be dead, or ends the wait for the next attempt. */
  #wake(event?: string): void {
    if (this.#open !== undefined) this.#open.probe()
    else if (event === 'online' || this.#state.is === 'waiting') {
      this.#failed = 0
      this.reconnect()
    }
  }

  async #attempt(isReturn = false): Promise<void> {
    this.#timer?.cancel()
    if (this.#opening !== undefined) return
    this.#isReturn = isReturn
    let transport: Transport | undefined
    const turn = ++this.#turn
    if (this.#open === undefined && this.#state.is !== 'connecting') {
      this.#set({ is: 'connecting', attempt: this.#failed + 1 })
      // A listener may have closed the chat or started another attempt.
      if (turn !== this.#turn) return
    }
    try {
      const { credentials, load } = this.#options
      const identity = await credentials.next()
      const chosen = isReturn ? this.#choice.first : this.#choice.next
      transport = chosen
      const open = await load(chosen)
      if (turn !== this.#turn) return
      const link = new SocketSession({ ...this.#options, identity }, open(), {
        welcome: (frame) => this.#welcome(link, chosen, frame),
        refused: (error) => {
          // The open session keeps its identity.
          const identity = isReturn ? undefined : credentials.instead(error)
          if (identity === undefined) this.#refused(error)
          return identity
        },
        token: () => credentials.fresh(),
        refreshed: (token) => credentials.refreshed(token),
        frame: (frame) => this.#receive(frame),
        ended: (code, why) => this.#ended(link, code, why),
      })
      this.#opening = link
    } catch (error) {
      if (turn !== this.#turn) return
      if (transport !== undefined && !isReturn) this.#choice.unanswered()
      this.#lost(String(error))
    }
  }

  #welcome(link: SocketSession, transport: Transport, frame: ServerFrames['welcome']): void {
    this.#timer?.cancel()
    const { credentials, load } = this.#options
    credentials.welcome(frame)
    this.#choice.answered(transport, frame.route && credentials.token)
    this.#isReturn = false
    if (transport === this.#choice.first) this.#returnWait = firstReturn
    else this.#returnLater()
    // Loads the code of the other transports now, since it may be out of reach during an outage.
    load('sse').catch(() => {})
    this.#opening = undefined
    this.#open?.drop(true)
    this.#open = link
    this.#refusals = 0
    this.#openedAt = this.#options.clock.monotonic()
    this.#opened.resolve()
    const { user, gateway, session, limits } = frame
    this.#set({ is: 'open', user, gateway, session, limits, transport })
    this.#events.opened()
  }

  #receive(frame: ServerFrame): void {
    if (frame.type !== 'reconnect') this.#events.frame(frame)
    else {
      if (this.#isReturn) this.#abandon()
      this.#later(frame.after)
    }
  }

  #refused(error: ChatError): void {
    const { code, message, retryAfter } = error
    // The token may have expired on its way, or by a fast clock: the application is asked for another one after a pause.
    const other =
      code === 'unauthorized' && this.#options.credentials.canAsk && ++this.#refusals < maxRefusals
    // The server reserves the name of a lost session: a user who was connected waits for it. A new user should choose another
    // name.
    const wasIn = this.#openedAt !== undefined
    const soon = code === 'name-taken' ? wasIn && retryAfter !== undefined : error.retry
    this.#lost(message, other || soon ? undefined : code, other ? renewal : retryAfter)
  }

  #ended(link: SocketSession, code: number, why: string): void {
    if (link === this.#open) {
      if (this.#options.clock.monotonic() - (this.#openedAt ?? 0) > goodAfter) this.#failed = 0
      this.#refusals = 0
      this.#open = undefined
      this.#opened = new Deferred()
      if (this.#opening !== undefined && !this.#isReturn) {
        this.#set({ is: 'connecting', attempt: this.#failed + 1 })
        return
      }
    } else if (code === 1006 && !this.#isReturn) this.#choice.unanswered()
    const final = code in finalCloseCodes && !(code === tokenExpired && this.#options.credentials.canAsk)
    this.#lost(
      why || (this.#state.is === 'open' ? 'the connection was lost' : 'the server does not answer'),
      final ? code : undefined,
    )
  }

  /** Handles a failed attempt or a lost connection: schedules the next attempt, unless `end` is the reason to stop. */
  #lost(why: string, end?: ChatErrorCode | number, least = 0): void {
    this.#abandon()
    if (this.#open !== undefined && this.#isReturn) {
      this.#returnLater()
      return
    }
    const wait = least + backoff(this.#failed++)
    if (this.#open !== undefined) {
      // The present connection stays open if the move to another one fails.
      if (end === undefined) this.#later(wait)
    } else if (end === undefined) this.#wait(why, wait)
    else this.#close(end, why)
  }

  /** Gives up the attempt in progress. */
  #abandon(): void {
    this.#turn++
    this.#opening?.drop(false)
    this.#opening = undefined
  }

  #wait(why: string, milliseconds: number): void {
    const wait = globalThis.navigator?.onLine === false ? Math.max(rest, milliseconds) : milliseconds
    this.#later(wait)
    this.#set({ is: 'waiting', until: this.#options.clock.now() + wait, attempt: this.#failed, why })
  }

  #later(milliseconds: number, isReturn = false): void {
    this.#isReturn = isReturn
    this.#timer?.cancel()
    this.#timer = this.#options.clock.setTimeout(() => void this.#attempt(isReturn), milliseconds)
  }

  #returnLater(): void {
    this.#later(this.#returnWait, true)
    this.#returnWait = Math.min(lastReturn, 2 * this.#returnWait)
  }

  #close(code: ChatErrorCode | number, why: string): void {
    if (this.#state.is === 'closed') return
    for (const type of wakes) globalThis.removeEventListener?.(type, this.#onWake, true)
    this.#looks.cancel()
    this.#timer?.cancel()
    this.#turn++
    if (this.#open !== undefined) this.#opened = new Deferred()
    for (const link of [this.#open, this.#opening]) link?.drop(true)
    this.#open = undefined
    this.#opened.reject(new ChatError(typeof code === 'number' ? 'closed' : code, why))
    this.#set({ is: 'closed', code, why, retry: false })
  }

  #set(state: ChatState): void {
    this.#state = state
    this.#events.state(state)
  }
}

import type { Timer } from '@rabble/clock'
import type { ClientFrame, ServerFrame, ServerFrames } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { finalCloses, passingCloses } from './closes.ts'
import type { Credentials } from './credentials.ts'
import { Deferred } from './deferred.ts'
import { ChatError, type ChatErrorCode } from './errors.ts'
import {
  disconnected,
  type Reply,
  type RequestFrame,
  type SessionHost,
  SocketSession,
} from './socket-session.ts'
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

/** The chat, as its connection uses it. */
export interface ConnectionHost extends SessionHost {
  readonly credentials: Credentials
  /** Keeps the last transport that worked. */
  readonly store: Store
  /** Returns a function that opens a socket. It may throw, for example for an address that a page over https may not use. */
  opener(transport: Transport): Promise<() => WebSocketLike>
  stateChanged(state: ChatState): void
  /** Reports a new connection, on which no room is joined yet. The state is `open` already. */
  opened(): void
  receive(frame: ServerFrame): void
}

/** Session with a gateway. It reconnects until the server's answer is final. */
export class Connection {
  readonly #host: ConnectionHost
  state: ChatState = { status: 'connecting', attempt: 1 }
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
  #lookedAt: [own: number, wall: number]
  readonly #looks: Timer
  readonly #onWake = ({ type }: { type: string }) => {
    if (type === 'online') this.#online()
    if (type === 'offline' && this.state.status === 'waiting') this.#wait(this.state, rest)
    else if (type !== 'visibilitychange' || globalThis.document?.visibilityState === 'visible')
      this.#wake(type)
  }

  /** `transports` are those to use, the best one first. */
  constructor(host: ConnectionHost, transports: Transport[]) {
    this.#host = host
    const { clock, heartbeat } = host
    this.#choice = new TransportChoice(host, transports)
    this.#lookedAt = [clock.monotonic(), clock.now()]
    this.#looks = clock.setInterval(() => this.#look(), Math.min(lookEvery, heartbeat / 8))
    // Listens in the capture phase, since not all of these events bubble.
    for (const type of wakes) globalThis.addEventListener?.(type, this.#onWake, true)
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
    if (this.state.status === 'closed') return
    this.#abandon()
    void this.#attempt()
  }

  close(): void {
    this.#close(new ChatError('closed'))
  }

  /** Detects a sleep: timers stop with the page and with the machine, so the first check after a sleep comes late. */
  #look(): void {
    const { clock } = this.#host
    const [own, wall] = this.#lookedAt
    this.#lookedAt = [clock.monotonic(), clock.now()]
    if (Math.max(this.#lookedAt[0] - own, this.#lookedAt[1] - wall) > lookEvery + stoodStill) this.#wake()
    this.#open?.look()
  }

  /** Another network may let pass what the one before did not. */
  #online(): void {
    this.#returnWait = firstReturn
    if (!this.#open) this.#choice.reset()
    else if (this.#isReturn) this.#returnLater()
  }

  /** Probes an open connection, which may be dead, or ends the wait for the next attempt. */
  #wake(event?: string): void {
    if (this.#open) this.#open.probe()
    else if (event === 'online' || this.state.status === 'waiting') {
      this.#failed = 0
      this.reconnect()
    }
  }

  async #attempt(isReturn = false): Promise<void> {
    this.#timer?.cancel()
    if (this.#opening) return
    this.#isReturn = isReturn
    let transport: Transport | undefined
    const turn = ++this.#turn
    if (this.#open === undefined && this.state.status !== 'connecting') {
      this.#set({ status: 'connecting', attempt: this.#failed + 1 })
      // A listener may have closed the chat or started another attempt.
      if (turn !== this.#turn) return
    }
    try {
      const { credentials } = this.#host
      const identity = await credentials.next()
      const chosen = isReturn ? this.#choice.first : this.#choice.next
      transport = chosen
      const open = await this.#host.opener(chosen)
      if (turn !== this.#turn) return
      const link = new SocketSession(this.#host, identity, open(), {
        welcome: (frame) => this.#welcome(link, chosen, frame),
        refused: (error) => {
          // The open session keeps its identity.
          const identity = isReturn ? undefined : credentials.instead(error)
          if (identity === undefined) this.#refused(error)
          return identity
        },
        frame: (frame) => this.#receive(frame),
        ended: (code, why) => this.#ended(link, code, why),
      })
      this.#opening = link
    } catch (error) {
      if (turn !== this.#turn) return
      if (transport !== undefined && !isReturn) this.#choice.unanswered()
      this.#lost(error instanceof ChatError ? error : new ChatError('disconnected', String(error)))
    }
  }

  #welcome(link: SocketSession, transport: Transport, frame: ServerFrames['welcome']): void {
    this.#timer?.cancel()
    const { credentials } = this.#host
    credentials.welcome(frame)
    this.#choice.answered(transport, frame.route && credentials.token)
    this.#isReturn = false
    if (transport === this.#choice.first) this.#returnWait = firstReturn
    else this.#returnLater()
    // Loads the code of the other transports and of other parts now, since it may be out of reach during an outage.
    this.#host.opener('sse').catch(() => {})
    this.#opening = undefined
    this.#open?.drop(true)
    this.#open = link
    this.#refusals = 0
    this.#openedAt = this.#host.clock.monotonic()
    this.#opened.resolve()
    const { user, gateway, session, limits } = frame
    this.#set({ status: 'open', user, gateway, session, limits, transport })
    this.#host.opened()
  }

  #receive(frame: ServerFrame): void {
    if (frame.type !== 'reconnect') this.#host.receive(frame)
    else {
      if (this.#isReturn) this.#abandon()
      this.#later(frame.after)
    }
  }

  #refused(error: ChatError): void {
    const { code, retryAfter } = error
    // The token may have expired on its way, or by a fast clock: the application is asked for another one after a pause.
    const other = code === 'unauthorized' && this.#host.credentials.canAsk && ++this.#refusals < maxRefusals
    // The server reserves the name of a lost session: a user who was connected waits for it. A new user should choose another
    // name.
    const wasIn = this.#openedAt !== undefined
    const soon = code === 'name-taken' ? wasIn && retryAfter !== undefined : error.retry
    this.#lost(error, !(other || soon), other ? renewal : retryAfter)
  }

  #ended(link: SocketSession, code: number, why: string): void {
    if (link === this.#open) {
      if (this.#host.clock.monotonic() - (this.#openedAt ?? 0) > goodAfter) this.#failed = 0
      this.#refusals = 0
      this.#open = undefined
      this.#opened = new Deferred()
      if (this.#opening !== undefined && !this.#isReturn) {
        this.#set({ status: 'connecting', attempt: this.#failed + 1 })
        return
      }
    } else if (code === 1006 && !this.#isReturn) this.#choice.unanswered()
    const name = finalCloses[code] ?? passingCloses[code]
    const text =
      why || (this.state.status === 'open' ? 'the connection was lost' : 'the server does not answer')
    this.#lost(
      new ChatError(name ?? 'disconnected', text),
      code in finalCloses && !(name === 'token-expired' && this.#host.credentials.canAsk),
    )
  }

  /** Handles a failed attempt or a lost connection: schedules the next attempt, unless the reason is final. */
  #lost(reason: ChatError, isFinal = false, least = 0): void {
    this.#abandon()
    if (this.#open && this.#isReturn) {
      this.#returnLater()
      return
    }
    const wait = least + backoff(this.#failed++)
    if (this.#open) {
      // The present connection stays open if the move to another one fails.
      if (!isFinal) this.#later(wait)
    } else if (isFinal) this.#close(reason)
    else this.#wait({ code: reason.code, reason: reason.message }, wait)
  }

  /** Gives up the attempt in progress. */
  #abandon(): void {
    this.#turn++
    this.#opening?.drop(false)
    this.#opening = undefined
  }

  #wait({ code, reason }: { code: ChatErrorCode; reason: string }, milliseconds: number): void {
    const wait = globalThis.navigator?.onLine === false ? Math.max(rest, milliseconds) : milliseconds
    this.#later(wait)
    const until = this.#host.clock.now() + wait
    this.#set({ status: 'waiting', until, attempt: this.#failed, code, reason })
  }

  #later(milliseconds: number, isReturn = false): void {
    this.#isReturn = isReturn
    this.#timer?.cancel()
    this.#timer = this.#host.clock.setTimeout(() => void this.#attempt(isReturn), milliseconds)
  }

  #returnLater(): void {
    this.#later(this.#returnWait, true)
    this.#returnWait = Math.min(lastReturn, 2 * this.#returnWait)
  }

  #close(error: ChatError): void {
    if (this.state.status === 'closed') return
    for (const type of wakes) globalThis.removeEventListener?.(type, this.#onWake, true)
    this.#looks.cancel()
    this.#timer?.cancel()
    this.#turn++
    if (this.#open !== undefined) this.#opened = new Deferred()
    for (const link of [this.#open, this.#opening]) link?.drop(true)
    this.#open = undefined
    this.#opened.reject(error)
    this.#set({ status: 'closed', code: error.code, reason: error.message })
  }

  #set(state: ChatState): void {
    this.state = state
    this.#host.stateChanged(state)
  }
}

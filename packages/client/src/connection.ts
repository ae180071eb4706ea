import type { Timer } from '@rabble/clock'
import type { ClientFrame, closeCodes, ServerFrame, ServerFrames } from '@rabble/contract'
import { backoff } from './backoff.ts'
import type { ChatClock } from './clock.ts'
import type { Credentials } from './credentials.ts'
import { Deferred } from './deferred.ts'
import { ChatError, type ChatErrorCode } from './errors.ts'
import { disconnected, type Reply, type RequestFrame, SocketSession } from './socket-session.ts'
import type { ChatState, WebSocketConstructor } from './types.ts'

/** A connection that held for so long was a good one: the next failure starts from a short wait again. */
const goodAfter = 5_000
/** How long to wait between attempts while the browser says that it is offline. */
const rest = 30_000
/** Events of browsers after which a connection that looks open may be dead, or a new one is possible. */
const wakes = ['online', 'offline', 'visibilitychange', 'pageshow', 'resume']
/** Time (ms) between two looks at the connection, and how much later than that a look is if everything stood still. */
const lookEvery = 1_000
const stoodStill = 3_000
/** Refusals of tokens in a row after which the application has no good one, and how long (ms) it has to get another one. */
const maxRefusals = 5
const renewal = 2_000

// No code of the contract is taken, only its types: the compiler compares this list with it.
type Final = Extract<(typeof closeCodes)[keyof typeof closeCodes], { retry: false }>['code']
const finalCloseCodes: Record<Final, true> = { 1007: true, 1008: true, 1009: true, 4401: true }
const tokenExpired: (typeof closeCodes)['tokenExpired']['code'] = 4401

export interface ConnectionOptions {
  /** Of the WebSocket. */
  url: string
  WebSocket: WebSocketConstructor
  /** Milliseconds. */
  heartbeat: number
  credentials: Credentials
  clock: ChatClock
}

export interface ConnectionEvents {
  state(state: ChatState): void
  /** There is a connection, for the first time or another one: nothing is joined yet. The state is open already. */
  opened(): void
  frame(frame: ServerFrame): void
}

/** A session with some gateway, opened again for as long as that makes sense. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  #state: ChatState = { is: 'connecting', attempt: 1 }
  #open: SocketSession | undefined
  /** What is to become the open one: there may be an open one still. */
  #opening: SocketSession | undefined
  /** By the clock's `monotonic`; undefined before the first time. */
  #openedAt: number | undefined
  /** Attempts in a row that failed. */
  #failed = 0
  /** Tokens in a row that were refused. */
  #refusals = 0
  /** Counts attempts: one that waited for a token may be out of date. */
  #turn = 0
  #timer: Timer | undefined
  #opened = new Deferred<void>()
  /** When it was looked at last, by both clocks: in some browsers only the one on the wall goes on while the machine sleeps. */
  #lookedAt: { own: number; wall: number }
  readonly #looks: Timer
  readonly #onWake = ({ type }: { type: string }) => {
    if (type === 'offline' && this.#state.is === 'waiting') this.#wait(this.#state.why, rest)
    else if (type !== 'visibilitychange' || globalThis.document?.visibilityState === 'visible')
      this.#wake(type)
  }

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
    const { clock, heartbeat } = options
    this.#lookedAt = { own: clock.monotonic(), wall: clock.now() }
    this.#looks = clock.setInterval(() => this.#look(), Math.min(lookEvery, heartbeat / 8))
    // While they are captured, since not all of them bubble.
    for (const type of wakes) globalThis.addEventListener?.(type, this.#onWake, true)
  }

  get state(): ChatState {
    return this.#state
  }

  /** Resolves when there is a connection. @throws ChatError `closed`, or why there will be none */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  tell(frame: ClientFrame): void {
    this.#open?.tell(frame)
  }

  /** @throws ChatError that of the server, `too-large`, `disconnected` or `timeout` */
  request<F extends RequestFrame>(frame: F, now?: (reply: Reply<F>) => void): Promise<Reply<F>> {
    return this.#open?.request(frame, now) ?? Promise.reject(disconnected())
  }

  /**
   * Goes over to another connection; while there is none, tries at once. The first one needs it, too. An attempt that is
   * under way is given up for it, since its answer may never come.
   */
  reconnect(): void {
    if (this.#state.is === 'closed') return
    this.#opening?.drop(false)
    this.#opening = undefined
    void this.#attempt()
  }

  close(): void {
    this.#close('closed', 'the chat was closed')
  }

  /** Timers stand still with the page and with the machine: a look that comes late is the first one after a sleep. */
  #look(): void {
    const { clock } = this.#options
    const before = this.#lookedAt
    this.#lookedAt = { own: clock.monotonic(), wall: clock.now() }
    const { own, wall } = this.#lookedAt
    if (Math.max(own - before.own, wall - before.wall) > lookEvery + stoodStill) this.#wake()
    this.#open?.look()
  }

  /** A connection that looks open may be dead, and waiting may be over. */
  #wake(event?: string): void {
    if (this.#open !== undefined) this.#open.probe()
    else if (event === 'online' || this.#state.is === 'waiting') {
      this.#failed = 0
      this.reconnect()
    }
  }

  async #attempt(): Promise<void> {
    this.#timer?.cancel()
    if (this.#opening !== undefined) return
    const turn = ++this.#turn
    if (this.#open === undefined && this.#state.is !== 'connecting') {
      this.#set({ is: 'connecting', attempt: this.#failed + 1 })
      // A listener may have closed the chat, or have begun another attempt.
      if (turn !== this.#turn) return
    }
    try {
      const { credentials } = this.#options
      const identity = await credentials.next()
      if (turn !== this.#turn) return
      const link = new SocketSession(
        { ...this.#options, identity },
        {
          welcome: (frame) => this.#welcome(link, frame),
          refused: (error) => {
            const identity = credentials.instead(error)
            if (identity === undefined) this.#refused(error)
            return identity
          },
          token: () => credentials.fresh(),
          refreshed: (token) => credentials.refreshed(token),
          frame: (frame) => this.#receive(frame),
          ended: (code, why) => this.#ended(link, code, why),
        },
      )
      this.#opening = link
    } catch (error) {
      if (turn === this.#turn) this.#lost(String(error))
    }
  }

  #welcome(link: SocketSession, frame: ServerFrames['welcome']): void {
    this.#timer?.cancel()
    this.#options.credentials.welcome(frame)
    this.#opening = undefined
    const old = this.#open
    this.#open = link
    old?.drop(true)
    this.#refusals = 0
    this.#openedAt = this.#options.clock.monotonic()
    this.#opened.resolve()
    const { user, gateway, session, limits } = frame
    this.#set({ is: 'open', user, gateway, session, limits })
    this.#events.opened()
  }

  #receive(frame: ServerFrame): void {
    if (frame.type === 'reconnect') this.#later(frame.after)
    else this.#events.frame(frame)
  }

  #refused(error: ChatError): void {
    const { code, message, retryAfter } = error
    // It may have expired on its way, or by a clock that is ahead: the application is asked for another one in a while.
    const other =
      code === 'unauthorized' && this.#options.credentials.canAsk && ++this.#refusals < maxRefusals
    // Who was in already waits until the name, held for somebody who vanished, is free; at the door another one is quicker.
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
      if (this.#opening !== undefined) {
        this.#set({ is: 'connecting', attempt: this.#failed + 1 })
        return
      }
    }
    const final = code in finalCloseCodes && !(code === tokenExpired && this.#options.credentials.canAsk)
    this.#lost(
      why || (this.#state.is === 'open' ? 'the connection was lost' : 'the server cannot be reached'),
      final ? code : undefined,
    )
  }

  /** An attempt failed, or what was open is lost: the next attempt comes by itself, unless `end` says why there is none. */
  #lost(why: string, end?: ChatErrorCode | number, least = 0): void {
    this.#turn++
    this.#opening?.drop(false)
    this.#opening = undefined
    const wait = least + backoff(this.#failed++)
    if (this.#open !== undefined) {
      // A move that fails costs nothing.
      if (end === undefined) this.#later(wait)
    } else if (end === undefined) this.#wait(why, wait)
    else this.#close(end, why)
  }

  #wait(why: string, milliseconds: number): void {
    const wait = globalThis.navigator?.onLine === false ? Math.max(rest, milliseconds) : milliseconds
    this.#later(wait)
    this.#set({ is: 'waiting', until: this.#options.clock.now() + wait, attempt: this.#failed, why })
  }

  #later(milliseconds: number): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.setTimeout(() => void this.#attempt(), milliseconds)
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

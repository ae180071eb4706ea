import type { Timer } from '@rabble/clock'
import type { ClientFrame, closeCodes, ServerFrame, ServerFrames } from '@rabble/contract'
import { backoff } from './backoff.ts'
import type { ChatClock } from './clock.ts'
import { Deferred } from './deferred.ts'
import { ChatError, type ChatErrorCode } from './errors.ts'
import type { Who } from './identity.ts'
import { disconnected, Link, type Reply, type RequestFrame } from './link.ts'
import type { ChatState, WebSocketConstructor } from './types.ts'

/** A connection that held for so long was a good one: the next failure starts from a short wait again. */
const goodAfter = 5_000
/** How long to wait between attempts while the browser says that it is offline. */
const rest = 30_000
/** Events of browsers. */
const network = ['online', 'offline']

// No code of the contract is taken, only its types: the compiler compares this list with it.
type Final = Extract<(typeof closeCodes)[keyof typeof closeCodes], { retry: false }>['code']
const finalCloseCodes: Record<Final, true> = { 1007: true, 1008: true, 1009: true }

export interface ConnectionOptions {
  /** Of the WebSocket. */
  url: string
  WebSocket: WebSocketConstructor
  /** Milliseconds. */
  heartbeat: number
  who: Who
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
  #open: Link | undefined
  /** What is to become the open one: there may be an open one still. */
  #opening: Link | undefined
  #openedAt = 0
  /** Attempts in a row that failed. */
  #failed = 0
  /** What was said to the token that was refused last. */
  #refusal: { code: ChatErrorCode | number; why: string } = { code: 'unauthorized', why: 'no token' }
  /** Counts attempts: one that waited for a token may be out of date. */
  #turn = 0
  #timer: Timer | undefined
  #opened = new Deferred<void>()
  /** The browser says that it is online, or offline: a reason to look, or to take more time. */
  readonly #network = ({ type }: { type: string }) => {
    if (this.#state.is !== 'waiting') this.#open?.probe()
    else if (type === 'online') this.reconnect()
    else this.#wait(this.#state.why, rest)
  }

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
    for (const type of network) globalThis.addEventListener?.(type, this.#network)
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

  /** Goes over to another connection; while there is none, tries at once. The first one needs it, too. */
  reconnect(): void {
    if (this.#state.is !== 'closed') void this.#attempt()
  }

  close(): void {
    this.#close('closed', 'the chat was closed')
  }

  async #attempt(): Promise<void> {
    this.#timer?.cancel()
    if (this.#opening !== undefined) return
    const turn = ++this.#turn
    if (this.#open === undefined) this.#set({ is: 'connecting', attempt: this.#failed + 1 })
    try {
      const identity = await this.#options.who.next()
      if (turn !== this.#turn) return
      if (identity === undefined) return this.#lost(this.#refusal.why, this.#refusal.code)
      const link = new Link(
        { ...this.#options, identity },
        {
          welcome: (frame) => this.#welcome(link, frame),
          refused: (error) => {
            const identity = this.#options.who.instead(error)
            if (identity === undefined) this.#refused(error)
            return identity
          },
          frame: (frame) => this.#receive(frame),
          ended: (code, why) => this.#ended(link, code, why),
        },
      )
      this.#opening = link
    } catch (error) {
      if (turn === this.#turn) this.#lost(String(error))
    }
  }

  #welcome(link: Link, frame: ServerFrames['welcome']): void {
    this.#timer?.cancel()
    const tokenAfter = this.#options.who.welcome(frame)
    if (tokenAfter > 0) this.#later(tokenAfter)
    this.#opening = undefined
    const old = this.#open
    this.#open = link
    old?.drop(1000)
    this.#openedAt = this.#options.clock.now()
    const { user, gateway, session, limits } = frame
    this.#set({ is: 'open', user, gateway, session, limits })
    this.#opened.resolve()
    this.#events.opened()
  }

  #receive(frame: ServerFrame): void {
    if (frame.type === 'reconnect') this.#later(frame.after)
    else this.#events.frame(frame)
  }

  #refused(error: ChatError): void {
    const { code, message, retryAfter } = error
    const other = code === 'unauthorized' && this.#another(code, message)
    // Who was in already waits until the name, held for somebody who vanished, is free; at the door another one is quicker.
    const soon = code === 'name-taken' ? this.#openedAt > 0 && retryAfter !== undefined : error.retry
    this.#lost(message, other || soon ? undefined : code, retryAfter)
  }

  #ended(link: Link, code: number, why: string): void {
    if (link === this.#open) {
      if (this.#options.clock.now() - this.#openedAt > goodAfter) this.#failed = 0
      this.#open = undefined
      this.#opened = new Deferred()
      if (this.#opening !== undefined) {
        this.#set({ is: 'connecting', attempt: this.#failed + 1 })
        return
      }
    }
    const final = code in finalCloseCodes && !(code === 1008 && this.#another(code, why))
    this.#lost(
      why || (this.#state.is === 'open' ? 'the connection was lost' : 'the server cannot be reached'),
      final ? code : undefined,
    )
  }

  /** Whether there may be another token than the one that was refused. */
  #another(code: ChatErrorCode | number, why: string): boolean {
    this.#refusal = { code, why }
    return this.#options.who.refuse()
  }

  /** An attempt failed, or what was open is lost: the next attempt comes by itself, unless `end` says why there is none. */
  #lost(why: string, end?: ChatErrorCode | number, least = 0): void {
    this.#turn++
    this.#opening?.drop(4000)
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
    for (const type of network) globalThis.removeEventListener?.(type, this.#network)
    this.#timer?.cancel()
    this.#turn++
    if (this.#open !== undefined) this.#opened = new Deferred()
    for (const link of [this.#open, this.#opening]) link?.drop(1000)
    this.#open = undefined
    this.#opened.reject(new ChatError(typeof code === 'number' ? 'closed' : code, why))
    this.#set({ is: 'closed', code, why, retry: false })
  }

  #set(state: ChatState): void {
    this.#state = state
    this.#events.state(state)
  }
}

import type { ChatEvent, ServerFrame, ServerFrames } from '@rabble/contract'
import { AsyncQueue } from './async-queue.ts'
import { backoff } from './backoff.ts'
import { catchUp, type Hole } from './catch-up.ts'
import { type ChatClock, sleep } from './clock.ts'
import type { Connection } from './connection.ts'
import { Deferred } from './deferred.ts'
import { Emitter } from './emitter.ts'
import { ChatError } from './errors.ts'
import type { Http } from './http.ts'
import { isEvent } from './names.ts'
import type { Outbox } from './outbox.ts'
import { Timeline } from './timeline.ts'
import type {
  HistoryOptions,
  HistoryPage,
  Members,
  Message,
  Pending,
  Room,
  RoomEvent,
  RoomEvents,
  RoomState,
  SendOptions,
  Sent,
} from './types.ts'

/** Maximum number of remembered event ids, to detect repeated events. */
const maxKnown = 2_000
const typingEvery = 3_000
/** Maximum number of retries while a session that was just lost may still hold the user's only seat. */
const maxReturns = 10
/** Maximum number of joins in a row without progress. */
const maxVain = 3

/** Parts of the chat that a room uses. */
export interface RoomHost {
  readonly keep: number
  readonly catchUp: number
  readonly clock: ChatClock
  readonly connection: Connection
  readonly outbox: Outbox
  readonly http: Http
  write(
    room: string,
    what: Pick<Pending, 'type' | 'text'> & SendOptions & { message?: string },
  ): Promise<Sent>
  /** Reports an event: live, missed during an absence, or older than the first entry. */
  seen(event: ChatEvent, how: 'live' | 'missed' | 'old'): void
  changed(): void
  left(room: string): void
}

/** State of one room, kept up to date over a connection that may be lost and reopened. */
export class RoomClient implements Room {
  readonly name: string
  readonly #host: RoomHost
  readonly #recent: number
  readonly #emitter = new Emitter<RoomEvents>()
  readonly #feeds = new Set<AsyncQueue>()
  readonly #timeline: Timeline
  readonly #known = new Set<string>()
  #state: RoomState = { is: 'joining' }
  #entered = new Deferred<void>()
  /** Counts entries: an entry that waits may be outdated. */
  #turn = 0
  /** Id of the newest event, from which the room resumes after an absence. Empty if the room had no events. */
  #last: string | undefined
  /** Whether the room was entered before: later replays contain missed events. */
  #wasIn = false
  /** Events that can't be read. The gap is reported when its end is known. */
  #hole: { after: string | undefined; why: Hole } | undefined
  /** Whether the room was left or its chat closed. The object is then no longer usable. */
  #over = false
  #count = 0
  #capacity: number | undefined
  #typedAt = Number.NEGATIVE_INFINITY
  #loading: Promise<number> | undefined

  constructor(name: string, recent: number, host: RoomHost) {
    this.name = name
    this.#recent = recent
    this.#host = host
    this.#timeline = new Timeline(host.keep)
  }

  get state(): RoomState {
    return this.#state
  }

  get messages(): readonly Message[] {
    return this.#timeline.messages
  }

  get hasOlder(): boolean {
    return this.#timeline.hasOlder
  }

  get count(): number {
    return this.#count
  }

  get capacity(): number | undefined {
    return this.#capacity
  }

  get pending(): readonly Pending[] {
    return this.#host.outbox.items.filter(({ room }) => room === this.name)
  }

  /** Resolves when the session is in the room. @throws ChatError with the reason why it can't enter */
  get entered(): Promise<void> {
    return this.#entered.promise
  }

  on<T extends keyof RoomEvents>(type: T, listener: (event: RoomEvents[T]) => void): () => void {
    return this.#emitter.on(type, listener)
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<RoomEvent> {
    const feed = new AsyncQueue(() => this.#feeds.delete(feed))
    this.#feeds.add(feed)
    if (this.#over) feed.end()
    return feed
  }

  join(): Promise<void> {
    if (this.#state.is === 'out' && !this.#over) {
      this.#entered = new Deferred()
      void this.enter()
    }
    return this.entered
  }

  async leave(): Promise<void> {
    if (this.#over) return
    this.end('left', 'the room was left')
    this.#host.left(this.name)
  }

  send(text: string, { replyTo, meta }: SendOptions = {}): Promise<Sent> {
    this.#typedAt = Number.NEGATIVE_INFINITY
    return this.#host.write(this.name, { type: 'send', text, replyTo, meta })
  }

  edit(id: string, text: string): Promise<Sent> {
    return this.#host.write(this.name, { type: 'edit', text, message: id })
  }

  delete(id: string): Promise<Sent> {
    return this.#host.write(this.name, { type: 'delete', text: '', message: id })
  }

  typing(): void {
    const now = this.#host.clock.monotonic()
    if (now - this.#typedAt < typingEvery || this.#state.is !== 'in') return
    this.#typedAt = now
    this.#host.connection.tell({ type: 'typing', room: this.name })
  }

  async members(): Promise<Members> {
    const { users, count } = await this.#host.connection.request({ type: 'members', room: this.name })
    return { users, count }
  }

  history(options: HistoryOptions = {}): Promise<HistoryPage> {
    return this.#host.http.history(this.name, options)
  }

  loadOlder(limit = 50): Promise<number> {
    this.#loading ??= this.#load(limit).finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  trim(keep: number): void {
    this.#timeline.trim(keep)
    this.changed()
  }

  /** Enters the room over the new connection, from the last known event, and retries until that succeeds. */
  async enter(): Promise<void> {
    if (this.#over) return
    const turn = ++this.#turn
    const current = () => turn === this.#turn
    this.#set({ is: 'joining' })
    for (let attempt = 0; current(); attempt++) {
      try {
        await this.#sync(current)
        return
      } catch (problem) {
        const error = problem as ChatError
        // The next connection enters the room again.
        if (!current() || error.code === 'disconnected') return
        const returning = error.code === 'already-joined' && this.#wasIn && attempt < maxReturns
        this.#refused(error, error.retry || returning)
        if (!current()) return
        await sleep(this.#host.clock, (error.retryAfter ?? 500) + backoff(attempt))
      }
    }
  }

  /** Handles the loss of the connection: later events are missed until the room is entered again. */
  pause(): void {
    this.#turn++
    if (this.#state.is === 'in') this.#entered = new Deferred()
    if (this.#state.is !== 'out') this.#set({ is: 'joining' })
  }

  /**
   * Ends the room permanently. A listener may call it while the room emits events: no further event is emitted, and the state
   * stays `out`.
   */
  end(code: ChatError['code'], why: string): void {
    if (this.#over) return
    this.#over = true
    this.#turn++
    if (this.#state.is === 'in') this.#entered = new Deferred()
    this.#entered.reject(new ChatError(code, why))
    this.#state = { is: 'out', code, why }
    for (const feed of this.#feeds) feed.end()
    this.changed()
  }

  /** Handles a frame for this room. */
  receive(frame: ServerFrame): void {
    const { type } = frame
    // A `left` with a ref is the answer to a `leave`.
    if (type === 'left' && frame.ref === undefined) this.#evict(frame)
    else if (type === 'typing') this.#emit({ type, user: frame.user })
    // The reply to `join` includes the events that arrive before it.
    if (this.#state.is !== 'in') return
    if (type === 'presence') {
      const { joined, left, count } = frame
      this.#count = count
      this.#emit({ type, joined, left, count })
      this.changed()
    } else if (isEvent(frame)) {
      this.#append(frame, 'live')
      this.changed()
    }
  }

  /** Starts a room that is entered without a join: from its first event, which has just arrived, or from the event `after`. */
  begin(after?: string): void {
    this.#wasIn = true
    this.#last = after
    this.#state = { is: 'in' }
    this.#entered.resolve()
  }

  /** Joins, and closes a gap if there is one: reads from history, then joins again from the last event that it read. */
  async #sync(current: () => boolean): Promise<void> {
    let read = 0
    let told = false
    let vain = 0
    let begins = false
    while (current()) {
      const after = this.#last
      let behind = false
      const recent = this.#wasIn ? 1000 : Math.max(1, this.#recent)
      await this.#host.connection.request({ type: 'join', room: this.name, recent, after }, (reply) => {
        if (!current()) return
        behind = !reply.complete && this.#wasIn && this.#hole === undefined && !begins
        this.#count = reply.count
        this.#capacity = reply.capacity
        if (behind && told) return
        if (!told) {
          const { count, capacity, events } = reply
          const complete = reply.complete && this.#hole === undefined
          this.#emit({ type: 'joined', complete, count, capacity, events: events.length })
        }
        told = true
        if (behind) this.#timeline.forget()
        else this.#resume(reply)
      })
      if (!behind) return
      const reached = this.#last
      const why = await catchUp({
        clock: this.#host.clock,
        after: after || undefined,
        most: this.#host.catchUp - read,
        history: (query) => this.history(query),
        wanted: current,
        message: (message) => {
          read++
          this.#append(message, 'missed')
          this.changed()
        },
        lost: (before) => this.#gap('lost', this.#last, before),
      })
      // No event of the room was known, and history has none: the gateway's events are all there are.
      begins = why === undefined && !this.#last
      if (begins) continue
      vain = this.#last === reached ? vain + 1 : 0
      if (why !== undefined || vain === maxVain) {
        this.#hole = { after: this.#last, why: why ?? 'unknown' }
        this.#last = undefined
      } else if (vain > 0) await sleep(this.#host.clock, 500 + backoff(vain))
    }
  }

  /** Applies the reply to `join`, and emits a gap if events are missing. Runs before any frame that follows the reply. */
  #resume({ events, complete }: ServerFrames['joined']): void {
    const hole = this.#hole
    this.#hole = undefined
    const joinsUp = events.some(({ id }) => this.#known.has(id))
    if (hole !== undefined && !joinsUp) this.#gap(hole.why, hole.after, events[0]?.id)
    const first = !this.#wasIn
    if (complete && events.length === 0) this.#last ??= ''
    if (first && complete && events.length < Math.max(1, this.#recent)) this.#timeline.insert([], false)
    for (const event of events) {
      // The event was requested only as the position to resume from.
      if (first && this.#recent === 0) this.#remember(event)
      else this.#append(event, first ? 'old' : 'missed')
    }
    this.#wasIn = true
    this.#host.outbox.caughtUp(this.name)
    this.#set({ is: 'in' })
    this.#entered.resolve()
  }

  #append(event: ChatEvent, how: 'live' | 'missed' | 'old'): void {
    if (this.#over || !this.#remember(event)) return
    const message = this.#timeline.append(event)
    this.#host.seen(event, how)
    const { type } = event
    const what = type === 'message' ? { message: event } : { change: event, message }
    this.#emit({ type, ...what, replayed: how !== 'live' } as RoomEvent)
  }

  /** Returns false if the event is known already. */
  #remember({ id }: ChatEvent): boolean {
    if (this.#known.has(id)) return false
    this.#known.add(id)
    const [oldest] = this.#known
    if (this.#known.size > maxKnown && oldest !== undefined) this.#known.delete(oldest)
    this.#last = id
    return true
  }

  #gap(why: Hole, after: string | undefined, before: string | undefined): void {
    this.#timeline.forget()
    this.#emit({ type: 'gap', why, after: after || undefined, before })
  }

  #refused(error: ChatError, again: boolean): void {
    const { code, message } = error
    const news = this.#state.is !== 'joining' || this.#state.code !== code
    if (again) this.#set({ is: 'joining', code, why: message })
    else {
      this.#turn++
      this.#entered.reject(error)
      this.#set({ is: 'out', code, why: message })
    }
    if (news) this.#emit({ type: 'left', code, message, retry: again })
  }

  /**
   * Handles the removal by a moderator or with the room. If the error is retryable the room is entered again, otherwise it stays
   * `out`.
   */
  #evict({ code = 'forbidden', message = 'removed from the room' }: ServerFrames['left']): void {
    const error = new ChatError(code, message)
    this.pause()
    this.#refused(error, error.retry)
    if (error.retry) void this.enter()
  }

  async #load(limit: number): Promise<number> {
    for (let attempt = 0; ; attempt++) {
      // The events after the newest page must arrive live, so the room is entered first.
      if (this.messages.length === 0) await this.entered
      const turn = this.#turn
      const before = this.messages[0]?.id
      try {
        const page = await this.history({ limit, before })
        // The messages may have been trimmed, or dropped because of a gap.
        if (turn !== this.#turn || this.messages[0]?.id !== before) continue
        const count = this.#timeline.insert(page.messages, page.hasMoreBefore)
        this.changed()
        return count
      } catch (problem) {
        const error = problem as ChatError
        // One failure is usual: history lags a moment, and may not know the message yet.
        if (attempt === 4 || !(error.retry || error.code === 'bad-frame')) throw error
        await sleep(this.#host.clock, 200 + backoff(attempt))
      }
    }
  }

  #emit(event: RoomEvent): void {
    if (this.#over) return
    this.#emitter.emit(event.type, event as never)
    for (const feed of this.#feeds) feed.push(event)
  }

  #set(state: RoomState): void {
    if (this.#over) return
    this.#state = state
    this.changed()
  }

  /** Emits `changed`. The chat also calls it when pending items change. */
  changed(): void {
    this.#emitter.emit('changed', undefined)
    this.#host.changed()
  }
}

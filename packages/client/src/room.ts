import type { ChatEvent, ServerFrame, ServerFrames } from '@rabble/contract'
import { AsyncQueue } from './async-queue.ts'
import { backoff } from './backoff.ts'
import { sleep } from './clock.ts'
import { Deferred } from './deferred.ts'
import { Emitter } from './emitter.ts'
import { ChatError } from './errors.ts'
import { isEvent } from './names.ts'
import type { RoomHost } from './room-host.ts'
import { RoomSync } from './room-sync.ts'
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

const typingEvery = 3_000
/** Maximum number of retries while a session that was just lost may still hold the user's only seat. */
const maxReturns = 10

/** State of one room, kept up to date over a connection that may be lost and reopened. */
export class RoomClient implements Room {
  readonly name: string
  readonly #host: RoomHost
  readonly #emitter = new Emitter<RoomEvents>()
  readonly #feeds = new Set<AsyncQueue>()
  readonly #timeline: Timeline
  readonly #sync: RoomSync
  #state: RoomState = { is: 'joining' }
  #entered = new Deferred<void>()
  /** Counts entries: an entry that waits may be outdated. */
  #turn = 0
  /** Whether the room was left or its chat closed. The object is then no longer usable. */
  #over = false
  #count = 0
  #capacity: number | undefined
  #typedAt = Number.NEGATIVE_INFINITY
  #loading: Promise<number> | undefined

  constructor(name: string, recent: number, host: RoomHost) {
    this.name = name
    this.#host = host
    this.#timeline = new Timeline(host.keep)
    this.#sync = new RoomSync({
      room: name,
      recent,
      host,
      timeline: this.#timeline,
      counted: ({ count, capacity }) => {
        this.#count = count
        this.#capacity = capacity
      },
      append: (event, how) => this.#append(event, how),
      emit: (event) => this.#emit(event),
      changed: () => this.changed(),
      entered: () => {
        this.#set({ is: 'in' })
        this.#entered.resolve()
      },
    })
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
        await this.#sync.run(current)
        return
      } catch (problem) {
        const error = problem as ChatError
        // The next connection enters the room again.
        if (!current() || error.code === 'disconnected') return
        const returning = error.code === 'already-joined' && this.#sync.wasIn && attempt < maxReturns
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
    this.#sync.begin(after)
    this.#state = { is: 'in' }
    this.#entered.resolve()
  }

  #append(event: ChatEvent, how: 'live' | 'missed' | 'old'): void {
    if (this.#over || !this.#sync.remember(event)) return
    const message = this.#timeline.append(event)
    this.#host.seen(event, how)
    const { type } = event
    const what = type === 'message' ? { message: event } : { change: event, message }
    this.#emit({ type, ...what, replayed: how !== 'live' } as RoomEvent)
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

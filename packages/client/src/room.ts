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

/** Ids of events that are remembered, to know one that comes again. */
const maxKnown = 2_000
const typingEvery = 3_000
/** How often to try again where a session that was just lost may still hold the only seat. */
const maxReturns = 10
/** Joins one after the other that bring the room no further. */
const maxVain = 3

/** What a room needs of its chat. */
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
  /** An event has come: live, or missed while the room was being come back to, or from before it was entered. */
  seen(event: ChatEvent, how: 'live' | 'missed' | 'old'): void
  changed(): void
  left(room: string): void
}

/** One room, kept true by a connection that comes and goes. */
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
  /** Counts entries: one that waits may be out of date. */
  #turn = 0
  /** The id of the newest event: where to go on after an absence. Empty if the room had none when it was seen. */
  #last: string | undefined
  /** Whether it was entered before: what is replayed from then on was missed. */
  #wasIn = false
  /** What can't be had: told as soon as it is known where it ends. */
  #hole: { after: string | undefined; why: Hole } | undefined
  /** Left, or its chat was closed: it is used up. */
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

  /** Resolves when the session is in the room. @throws ChatError why it won't be */
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

  /** There is a connection, or another one: the room is entered, again from where it was left, until that works. */
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
        // Without a connection the next one enters.
        if (!current() || error.code === 'disconnected') return
        const returning = error.code === 'already-joined' && this.#wasIn && attempt < maxReturns
        this.#refused(error, error.retry || returning)
        if (!current()) return
        await sleep(this.#host.clock, (error.retryAfter ?? 500) + backoff(attempt))
      }
    }
  }

  /** The connection is lost: what comes is missed until the room is entered again. */
  pause(): void {
    this.#turn++
    if (this.#state.is === 'in') this.#entered = new Deferred()
    if (this.#state.is !== 'out') this.#set({ is: 'joining' })
  }

  /** For good. It may be called by a listener while the room hands out events: nothing more is told, and the state stays `out`. */
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

  /** What the connection has got for this room. */
  receive(frame: ServerFrame): void {
    const { type } = frame
    // With a ref it is the answer to a `leave`.
    if (type === 'left' && frame.ref === undefined) this.#putOut(frame)
    else if (type === 'typing') this.#emit({ type, user: frame.user })
    // What comes while the room is being entered is in the reply to `join` as well.
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

  /**
   * It takes part by itself, without having been joined: the first event of a user's own room has come, or is to be read with
   * all that followed `after`.
   */
  begin(after?: string): void {
    this.#wasIn = true
    this.#last = after
    this.#state = { is: 'in' }
    this.#entered.resolve()
  }

  /** Joins, and closes the gap if there is one: read from history what it has, and join again from there. */
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
      // Nothing of the room was known, and history has nothing: what the gateway has is all.
      begins = why === undefined && !this.#last
      if (begins) continue
      vain = this.#last === reached ? vain + 1 : 0
      if (why !== undefined || vain === maxVain) {
        this.#hole = { after: this.#last, why: why ?? 'unknown' }
        this.#last = undefined
      } else if (vain > 0) await sleep(this.#host.clock, 500 + backoff(vain))
    }
  }

  /** Nothing is missing any more, or it is told what is. Runs before anything that follows the reply is looked at. */
  #resume({ events, complete }: ServerFrames['joined']): void {
    const hole = this.#hole
    this.#hole = undefined
    const joinsUp = events.some(({ id }) => this.#known.has(id))
    if (hole !== undefined && !joinsUp) this.#gap(hole.why, hole.after, events[0]?.id)
    const first = !this.#wasIn
    if (complete && events.length === 0) this.#last ??= ''
    if (first && complete && events.length < Math.max(1, this.#recent)) this.#timeline.insert([], false)
    for (const event of events) {
      // Asked for only to know where to go on.
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

  /** False if it is known already. */
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

  /** By a moderator, or because the room is gone: for now, if no seat was found; else until somebody asks. */
  #putOut({ code = 'forbidden', message = 'put out of the room' }: ServerFrames['left']): void {
    const error = new ChatError(code, message)
    this.pause()
    this.#refused(error, error.retry)
    if (error.retry) void this.enter()
  }

  async #load(limit: number): Promise<number> {
    for (let attempt = 0; ; attempt++) {
      // What follows the newest page must be known to come.
      if (this.messages.length === 0) await this.entered
      const turn = this.#turn
      const before = this.messages[0]?.id
      try {
        const page = await this.history({ limit, before })
        // Meanwhile it may have been trimmed, or begun anew behind a gap.
        if (turn !== this.#turn || this.messages[0]?.id !== before) continue
        const count = this.#timeline.insert(page.messages, page.hasMoreBefore)
        this.changed()
        return count
      } catch (problem) {
        const error = problem as ChatError
        // Once is usual: history is a moment behind, and may not know yet the message that was asked for.
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

  /** Something that can be seen has changed: also told by the chat, of what is pending. */
  changed(): void {
    this.#emitter.emit('changed', undefined)
    this.#host.changed()
  }
}

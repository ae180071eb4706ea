import type { ChatEvent, ServerFrame, ServerFrames, User } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { sleep } from './clock.ts'
import { Deferred } from './deferred.ts'
import { ChatError } from './errors.ts'
import { isEvent, isMadeUp } from './names.ts'
import { Observable } from './observable.ts'
import type { Keeper, LiveRoom, RoomHost, Typists } from './room-host.ts'
import { RoomSync } from './room-sync.ts'
import { same } from './same.ts'
import { Timeline } from './timeline.ts'
import type {
  HistoryOptions,
  HistoryPage,
  JoinOptions,
  LeaveOptions,
  MemberList,
  Message,
  RoomEvent,
  RoomEvents,
  RoomSnapshot,
  RoomState,
} from './types.ts'

/** Maximum number of retries while a session that was just lost may still hold the user's only seat. */
const maxReturns = 10

const nobody: MemberList = { users: [], count: 0, complete: false }

/** State of one room, kept up to date over a connection that may be lost and reopened. Other parts of the SDK read and set it. */
export abstract class RoomEntry extends Observable<RoomEvents, RoomSnapshot> implements LiveRoom {
  readonly name: string
  readonly host: RoomHost
  /** Whether the application has joined the room and not left it. */
  isWanted = false
  /** Whether the room tells events: until it is left or the chat is closed. */
  isLive = false
  state: RoomState = { status: 'idle' }
  capacity: number | undefined
  members = nobody
  typing: readonly User[] = []
  timeline!: Timeline
  sync!: RoomSync
  /** Counts entries: an answer to an earlier one is outdated. */
  turn = 0
  #typing: Typists | undefined
  #entered = new Deferred<void>()
  #keeper: Keeper | undefined

  constructor(name: string, host: RoomHost) {
    super()
    this.name = name
    this.host = host
    this.#entered.reject(new ChatError('not-joined'))
    this.#reset(0)
  }

  abstract get messages(): readonly Message[]
  abstract fetchMembers(): Promise<MemberList>
  abstract history(query?: HistoryOptions): Promise<HistoryPage>

  get status(): RoomState['status'] {
    return this.state.status
  }

  /** Resolves when the session is in the room. @throws ChatError with the reason why it can't enter */
  get entered(): Promise<void> {
    return this.#entered.promise
  }

  protected override heard(type?: string): void {
    if (type === 'members') void this.#keepMembers()
  }

  join({ recent = 50 }: JoinOptions = {}): Promise<void> {
    if (this.isWanted && this.status !== 'left') return this.entered
    const refused = this.host.joined(this)
    if (refused === undefined) {
      if (!this.isWanted) this.#reset(recent)
      this.isWanted = true
      this.open()
    } else {
      this.#entered = new Deferred()
      this.#entered.reject(refused)
    }
    return this.entered
  }

  async leave(options?: LeaveOptions): Promise<void> {
    if (!this.isWanted) return
    this.isWanted = false
    this.end('left', 'left')
    this.host.left(this.name, options)
  }

  /** Begins to keep the room up to date. */
  open(): void {
    this.isLive = true
    this.#entered = new Deferred()
    void this.enter()
  }

  /** Starts a room that is entered without a join: from its first event, which has just arrived, or from the event `after`. */
  begin(after?: string): void {
    this.isLive = true
    this.sync.begin(after)
    this.state = { status: 'joined' }
  }

  /** Enters the room over the new connection, from the last known event, and retries until that succeeds. */
  async enter(): Promise<void> {
    if (!this.isLive) return
    const turn = ++this.turn
    const current = () => turn === this.turn
    this.#set({ status: 'joining' })
    for (let attempt = 0; current(); attempt++) {
      try {
        await this.sync.run(current)
        return
      } catch (problem) {
        const error = problem as ChatError
        // The next connection enters the room again.
        if (!current() || error.code === 'disconnected') return
        const returning = error.code === 'already-joined' && this.sync.wasIn && attempt < maxReturns
        this.#refused(error, error.retry || returning)
        if (!current()) return
        await sleep(this.host.clock, (error.retryAfter ?? 500) + backoff(attempt))
      }
    }
  }

  /** Handles the loss of the connection: later events are missed until the room is entered again. */
  pause(): void {
    this.#stop()
    if (this.status !== 'left') this.#set({ status: 'joining' })
  }

  /**
   * Stops the room. A listener may call it while the room emits events: no further event is emitted, and the state stays `left`
   * until the next `open`.
   */
  end(code: ChatError['code'], reason: string): void {
    if (!this.isLive) return
    this.#stop()
    this.#entered.reject(new ChatError(code, reason))
    this.#set({ status: 'left', code, reason })
    this.isLive = false
    this.endFeeds()
  }

  /** Ends the room with its chat, permanently. */
  close(reason: string): void {
    this.isLive = true
    this.end('closed', reason)
    this.endFeeds(true)
  }

  /** Handles a frame for this room. */
  receive(frame: ServerFrame): void {
    const { type } = frame
    // A `left` with a ref is the answer to a `leave`.
    if (type === 'left' && frame.ref === undefined) this.#evict(frame)
    else if (type === 'typing') void this.#typed(frame.user)
    else if (type === 'signal') this.tell(frame)
    // The reply to `join` includes the events that arrive before it.
    if (this.status !== 'joined') return
    if (type === 'presence') {
      const { joined, left, count } = frame
      this.setMembers({ count })
      this.#typing?.stopped(left.map(({ id }) => id))
      this.tell({ type, joined, left, count })
      this.#keeper?.presence(frame)
      this.changed()
    } else if (isEvent(frame)) {
      this.append(frame, 'live')
      this.changed()
    }
  }

  #stop(): void {
    this.turn++
    this.setMembers({})
    if (this.status === 'joined') this.#entered = new Deferred()
    this.#typing?.stopped()
  }

  /** Takes the counts in a reply to `join`. */
  counted({ count, capacity }: Pick<ServerFrames['joined'], 'count' | 'capacity'>): void {
    this.setMembers({ count })
    this.capacity = capacity
  }

  /** Called when nothing is missing any more, before any frame that follows. */
  nowIn(): void {
    this.#set({ status: 'joined' })
    this.#entered.resolve()
    void this.#keepMembers()
  }

  /** Forgets what was known of the room. The work for the room as it was has no effect from then on. */
  #reset(recent: number): void {
    this.timeline = new Timeline(this.host.keep, this.host)
    this.sync = new RoomSync(this, recent)
    this.members = nobody
    this.#keeper = undefined
  }

  append(event: ChatEvent, how: 'live' | 'missed' | 'old'): void {
    if (!this.isLive || !this.sync.remember(event)) return
    const message = this.timeline.append(event)
    this.host.seen(event, how)
    const { type } = event
    const what = type === 'message' ? { message: event } : { change: event, message }
    this.tell({ type, ...what, replayed: how !== 'live' } as RoomEvent)
    if (type === 'message') this.#typing?.stopped([event.from.id])
    if (type === 'reaction' && !this.host.parts) void this.#refresh()
  }

  /** Takes what is known of the members. Without `complete` it is not all. */
  setMembers(known: Partial<MemberList>): void {
    this.members = same(this.members, { ...this.members, complete: false, ...known })
    if ('users' in known) {
      this.tell({ type: 'members', members: this.members })
      this.changed()
    }
  }

  /** Whether the list of members is to be kept up to date. The users of direct messages are known. */
  get keepsMembers(): boolean {
    return this.has('members') && this.status === 'joined' && isMadeUp(this.name)
  }

  async #keepMembers(): Promise<void> {
    if (!this.keepsMembers) return
    const { MemberKeeper } = await this.host.loadLater()
    this.#keeper ??= new MemberKeeper(this)
    void this.#keeper.refresh()
  }

  async #refresh(): Promise<void> {
    await this.host.loadLater()
    this.timeline.refresh()
    this.changed()
  }

  async #typed(user: User): Promise<void> {
    const { Typing } = await this.host.loadLater()
    // The connection may be lost by now.
    if (this.status !== 'joined') return
    this.#typing ??= new Typing(this)
    this.#typing.started(user)
  }

  #refused(error: ChatError, again: boolean): void {
    const { code, message: reason } = error
    const news = this.state.status !== 'joining' || this.state.code !== code
    if (again) this.#set({ status: 'joining', code, reason })
    else {
      this.turn++
      this.#entered.reject(error)
      this.#set({ status: 'left', code, reason })
    }
    if (news) this.tell({ type: 'left', code, reason, retry: again })
  }

  /**
   * Handles the removal by a moderator or with the room. If the error is retryable the room is entered again, otherwise it stays
   * `left`.
   */
  #evict({ code = 'forbidden', message }: ServerFrames['left']): void {
    const error = new ChatError(code, message)
    this.pause()
    this.#refused(error, error.retry)
    if (error.retry) void this.enter()
  }

  /** Tells an event, unless the room was left or the chat closed. */
  override tell(event: RoomEvent): void {
    if (this.isLive) super.tell(event)
  }

  #set(state: RoomState): void {
    if (!this.isLive || same(this.state, state) === this.state) return
    this.state = state
    this.tell({ type: 'state', state })
    this.changed()
  }

  /** Tells subscribers. The chat also calls it when pending items change. */
  changed(): void {
    this.notify()
    this.host.notify()
  }
}

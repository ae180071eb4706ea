import type { ChatEvent, ServerFrame } from '@rabble/contract'
import type { Address } from './address.ts'
import { ChatParts } from './chat-parts.ts'
import { ChatError } from './errors.ts'
import { leave } from './leave.ts'
import { directRoom, everybody, isEvent, isMadeUp, peerIn } from './names.ts'
import type { Item } from './outbox-item.ts'
import { RoomClient } from './room.ts'
import type { RoomHost, What } from './room-host.ts'
import { pick, same } from './same.ts'
import type {
  Chat,
  ChatEvents,
  ChatSnapshot,
  ChatState,
  ConnectOptions,
  LeaveOptions,
  Room,
  Sent,
  Transport,
  WebSocketConstructor,
} from './types.ts'

/**
 * Maximum number of direct-message rooms that the chat follows without the application's request, so that it misses no message.
 */
const maxFollowed = 50
/** Number of handles of rooms beyond which those are forgotten that nobody has joined or listens to. */
const maxIdle = 1_000

/** Rooms of one user over a connection that may be lost and reopened. */
export class ChatClient extends ChatParts implements Chat, RoomHost {
  override readonly handles = new Map<string, RoomClient>()
  /** Rooms that the application did not request: the user's own, and direct-message rooms with events. Oldest first. */
  readonly #followed = new Map<string, RoomClient>()
  /** Counts the lists of conversations that were requested: the answer to an earlier request is outdated. */
  #turn = 0
  /** Newest message of each direct-message room when they were last listed. */
  #listed: ReadonlyMap<string, string> | undefined
  #rooms: readonly Room[] = []

  /** `WebSocket` is undefined only if it is not among the transports. */
  constructor(
    address: Address,
    WebSocket: WebSocketConstructor | undefined,
    transports: Transport[],
    options: ConnectOptions,
  ) {
    super(address, WebSocket, transports, options)
    this.outbox.own(this.user)
    this.connection.reconnect()
  }

  get rooms(): readonly Room[] {
    this.#rooms = same(
      this.#rooms,
      [...this.handles.values()].filter(({ isWanted }) => isWanted),
    )
    return this.#rooms
  }

  protected override look(): ChatSnapshot {
    return pick(this, 'state', 'user', 'limits', 'rooms', 'pending')
  }

  protected override heard(type?: string): void {
    if (this.status !== 'open') return
    this.#followOwn()
    if (type === undefined || type === 'direct' || type === 'conversations') void this.#findDirect()
  }

  room(name: string): RoomClient {
    const known = this.handles.get(name)
    if (known) return known
    const room = new RoomClient(name, this)
    this.handles.set(name, room)
    if (this.state.status === 'closed') room.close(this.state.reason)
    for (const [other, { isUsed }] of this.handles) {
      if (this.handles.size <= maxIdle) break
      if (!isUsed && other !== name) this.handles.delete(other)
    }
    return room
  }

  directRoom(user: string): Room {
    if (!this.user) throw new ChatError('disconnected')
    return this.room(directRoom(this.user.id, user))
  }

  shown({ room = '' }: Item): boolean {
    return this.#roomOf(room) !== undefined
  }

  itemChanged({ room = '', status, error }: Item): void {
    if (status === 'failed') this.logger?.warn(`a message in ${room} has failed`, error)
    const handle = this.handles.get(room)
    if (!handle) this.notify()
    else handle.changed()
  }

  write(room: string, what: What): Promise<Sent> {
    const to = this.user && peerIn(room, this.user.id)
    return this.outbox.add({ ...what, room, to: what.type === 'send' ? to : undefined })
  }

  stateChanged(state: ChatState): void {
    const { status } = state
    this.logger?.[status === 'waiting' ? 'warn' : 'debug'](`the connection is ${status}`, state)
    if (status === 'open') {
      this.limits = state.limits
    } else if (status === 'closed') {
      for (const room of this.#all()) room.close(state.reason)
      this.outbox.close()
    } else {
      for (const room of this.#all()) room.pause()
    }
    this.tell({ type: 'state', state })
    if (status === 'closed') this.endFeeds(true)
    this.notify()
  }

  /** Enters the rooms first: they bring back events that were acknowledged but not seen, which are then not sent again. */
  opened(): void {
    this.visited.clear()
    for (const room of this.#all()) {
      room.pause()
      if (room.status !== 'left') void room.enter()
    }
    this.#followOwn()
    // A new user had no conversations: all of the first list have come since.
    if (this.credentials.isNew) this.#listed ??= new Map()
    void this.#findDirect()
    this.outbox.own(this.user)
  }

  /**
   * Finds direct messages from new users that came during an absence. The direct-message rooms that are followed are joined again
   * anyway. A room that was not listed before was empty then.
   */
  async #findDirect(): Promise<void> {
    const turn = ++this.#turn
    const wanted = () => this.#hears('direct') || this.#hears('conversations')
    const current = () => turn === this.#turn && this.status === 'open' && wanted()
    if (!current()) return
    const { findDirect } = await this.loadLater()
    const before = this.#listed
    const list = await findDirect({
      clock: this.clock,
      before,
      current,
      request: () => this.connection.request({ type: 'conversations' }),
    })
    if (!list) return
    this.#listed = new Map(list.map(({ room, last }) => [room, last]))
    this.tell({ type: 'conversations', conversations: list })
    for (const { room, last } of list.slice(0, maxFollowed).reverse()) {
      const seen = before?.get(room) ?? ''
      if (before && seen !== last && !this.#roomOf(room)) this.#followFrom(room, seen)
    }
  }

  receive(frame: ServerFrame): void {
    if (frame.type === 'mention' || 'version' in frame) this.tell(frame)
    else if ('room' in frame) {
      const room = this.#roomOf(frame.room) ?? this.#follow(frame)
      if (room) room.receive(frame)
      else if (isEvent(frame)) this.outbox.seen(frame)
    }
  }

  seen(event: ChatEvent, how: 'live' | 'missed' | 'old'): void {
    this.outbox.seen(event)
    if (how === 'old' || isMadeUp(event.room) || this.user === undefined) return
    const replayed = how === 'missed'
    const { room } = event
    const peer = peerIn(room, this.user.id)
    if (peer !== undefined) this.tell({ type: 'direct', event, room, peer, replayed })
    else if (event.type === 'message') {
      this.tell({ type: room === everybody ? 'announcement' : 'notice', message: event, replayed })
    }
  }

  /** Follows the user's own room and the announcements if they have listeners, so that notices during an absence arrive too. */
  #followOwn(): void {
    if (!this.user) return
    const own = [
      ['announcement', everybody],
      ['notice', `user:${this.user.id}`],
    ] as const
    for (const [type, name] of own) {
      if (!this.#hears(type) || this.#roomOf(name) !== undefined) continue
      const room = new RoomClient(name, this)
      this.#followed.set(name, room)
      room.open()
    }
  }

  #follow(frame: ServerFrame): RoomClient | undefined {
    if (!isEvent(frame) || isMadeUp(frame.room) || !this.#hears('direct')) return undefined
    return this.#followFrom(frame.room, undefined)
  }

  /** Follows a direct-message room, from the event `after` or from the event that has just arrived. */
  #followFrom(name: string, after: string | undefined): RoomClient {
    const direct = [...this.#followed.keys()].filter((name) => name.startsWith('dm:'))
    if (direct.length >= maxFollowed) this.#followed.delete(direct[0] ?? '')
    const room = new RoomClient(name, this)
    this.#followed.set(name, room)
    room.begin(after)
    if (after !== undefined) void room.enter()
    return room
  }

  /** Notes that a room is joined. Returns the reason why it can't be. */
  joined(room: RoomClient): ChatError | undefined {
    const { state } = this
    const { name } = room
    if (state.status === 'closed') return new ChatError('closed', state.reason)
    const other = this.handles.get(name)
    // Only if so many other handles were made meanwhile that this one was forgotten.
    if (other !== room && other?.isUsed) return new ChatError('already-joined')
    this.handles.set(name, room)
    this.#followed.delete(name)
    this.visited.delete(name)
    return undefined
  }

  left(name: string, options?: LeaveOptions): void {
    if (isMadeUp(name)) leave(this.connection, name, options)
    this.notify()
  }

  /** Returns the room that takes the frames of this name. */
  #roomOf(name: string): RoomClient | undefined {
    const room = this.handles.get(name)
    return room?.isWanted ? room : this.#followed.get(name)
  }

  #all(): RoomClient[] {
    return [...this.handles.values(), ...this.#followed.values()]
  }

  #hears(type: keyof ChatEvents): boolean {
    return this.isRead || this.has(type)
  }
}

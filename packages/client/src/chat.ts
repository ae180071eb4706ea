import type { ChatEvent, Limits, ServerFrame, User } from '@rabble/contract'
import type { Address } from './address.ts'
import { backoff } from './backoff.ts'
import { sleep, systemClock } from './clock.ts'
import { Connection } from './connection.ts'
import { Credentials } from './credentials.ts'
import { Delivery, leave } from './delivery.ts'
import { Emitter } from './emitter.ts'
import { ChatError } from './errors.ts'
import { Http } from './http.ts'
import { directRoom, everybody, isEvent, isMadeUp, peerIn } from './names.ts'
import { Outbox } from './outbox.ts'
import { RoomClient } from './room.ts'
import type { RoomHost } from './room-host.ts'
import { Store } from './store.ts'
import type {
  Chat,
  ChatEvents,
  ChatState,
  ConnectOptions,
  FetchLike,
  Gateways,
  Pending,
  Room,
  RoomOptions,
  SendOptions,
  Sent,
  Transport,
  WebSocketConstructor,
} from './types.ts'

/**
 * Maximum number of direct-message rooms that the chat follows without the application's request, so that it misses no message.
 */
const maxFollowed = 50

/** Rooms and outbox of one user over a connection that may be lost and reopened. */
export class ChatClient implements Chat {
  readonly ready: Promise<void>
  readonly #credentials: Credentials
  readonly #connection: Connection
  readonly #outbox: Outbox
  readonly #delivery: Delivery
  readonly #emitter = new Emitter<ChatEvents>()
  readonly #rooms = new Map<string, RoomClient>()
  /** Rooms that the application did not request: the user's own, and direct-message rooms with events. Oldest first. */
  readonly #followed = new Map<string, RoomClient>()
  readonly #host: RoomHost
  /** Counts the lists of conversations that were requested: the answer to an earlier request is outdated. */
  #turn = 0
  /** Newest message of each direct-message room when they were last listed. */
  #listed: ReadonlyMap<string, string> | undefined
  #limits: Limits | undefined

  /** `WebSocket` is undefined only if it is not among the transports. */
  constructor(
    address: Address,
    WebSocket: WebSocketConstructor | undefined,
    transports: Transport[],
    options: ConnectOptions,
  ) {
    const { keep = 200, catchUp = 10_000, heartbeat = 20_000, clock = systemClock } = options
    const fetch: FetchLike = options.fetch ?? ((...given) => globalThis.fetch(...given))
    const store = new Store(options.storage)
    const credentials = new Credentials(options, store, clock)
    const outbox = new Outbox({
      count: 500,
      bytes: 256 * 1024,
      ...options.outbox,
      clock,
      store,
      deliver: (item) => this.#delivery.send(item),
      shown: ({ room = '' }) => this.#roomOf(room) !== undefined,
      changed: ({ room = '' }) => {
        const shown = this.#rooms.get(room)
        if (shown === undefined) this.#changed()
        else shown.changed()
      },
    })
    const connection = new Connection(
      {
        transports,
        load: async (transport) => {
          if (transport === 'websocket' && WebSocket) return () => new WebSocket(address.socket, 'rabble.v1')
          // A module of its own, which pages need not wait for.
          const { opener } = await import('./other-sockets.ts')
          return opener(transport, address, WebSocket, fetch, clock)
        },
        heartbeat,
        credentials,
        store,
        clock,
      },
      {
        state: (state) => this.#stateChanged(state),
        opened: () => this.#opened(),
        frame: (frame) => this.#receive(frame),
      },
    )
    this.#credentials = credentials
    this.#outbox = outbox
    this.#connection = connection
    this.#delivery = new Delivery({ clock, connection, outbox, rooms: this.#rooms })
    this.ready = connection.opened
    this.#host = {
      keep,
      catchUp,
      clock,
      connection,
      outbox,
      http: new Http(address.base, fetch, credentials, clock),
      write: (room, what) => {
        const to = this.user && peerIn(room, this.user.id)
        return outbox.add({ ...what, room, to: what.type === 'send' ? to : undefined })
      },
      seen: (event, how) => this.#seen(event, how),
      changed: () => this.#changed(),
      left: (room) => this.#left(room),
    }
    if (credentials.user !== undefined) outbox.own(credentials.user)
    connection.reconnect()
  }

  get state(): ChatState {
    return this.#connection.state
  }

  get user(): User | undefined {
    return this.#credentials.user
  }

  get limits(): Limits | undefined {
    return this.#limits
  }

  get rooms(): readonly Room[] {
    return [...this.#rooms.values()]
  }

  get pending(): readonly Pending[] {
    return this.#outbox.items
  }

  room(name: string, { recent = 50 }: RoomOptions = {}): Room {
    const known = this.#rooms.get(name)
    if (known !== undefined) return known
    this.#followed.delete(name)
    this.#delivery.opened(name)
    return this.#add(this.#rooms, name, recent)
  }

  directRoom(user: string, options?: RoomOptions): Room {
    if (this.user === undefined) throw new ChatError('disconnected', 'await ready')
    return this.room(directRoom(this.user.id, user), options)
  }

  sendTo(user: string, text: string, { replyTo, meta }: SendOptions = {}): Promise<Sent> {
    return this.#outbox.add({ type: 'send', to: user, text, replyTo, meta })
  }

  on<T extends keyof ChatEvents>(type: T, listener: (event: ChatEvents[T]) => void): () => void {
    const off = this.#emitter.on(type, listener)
    if (this.state.is !== 'open') return off
    this.#followOwn()
    if (type === 'direct' || type === 'conversations') void this.#findDirect()
    return off
  }

  async gateways(): Promise<Gateways> {
    const { gateways, here } = await this.#connection.request({ type: 'gateways' })
    return { gateways, here }
  }

  reconnect(): void {
    this.#connection.reconnect()
  }

  close(): void {
    this.#connection.close()
  }

  #stateChanged(state: ChatState): void {
    if (state.is === 'open') {
      this.#limits = state.limits
    } else if (state.is === 'closed') {
      for (const room of this.#all()) room.end('closed', state.why)
      this.#outbox.close()
    } else {
      for (const room of this.#all()) room.pause()
    }
    this.#emitter.emit('state', state)
    this.#changed()
  }

  /** Enters the rooms first: they bring back events that were acknowledged but not seen, which are then not sent again. */
  #opened(): void {
    this.#delivery.reset()
    for (const room of this.#all()) {
      room.pause()
      if (room.state.is !== 'out') void room.enter()
    }
    this.#followOwn()
    // A new user had no conversations: all of the first list have come since.
    if (this.#credentials.isNew) this.#listed ??= new Map()
    void this.#findDirect()
    if (this.user !== undefined) this.#outbox.own(this.user)
  }

  /**
   * Finds direct messages from new users that came during an absence. The direct-message rooms that are followed are joined again
   * anyway. A room that was not listed before was empty then.
   */
  async #findDirect(): Promise<void> {
    const turn = ++this.#turn
    const wanted = () => this.#emitter.has('direct') || this.#emitter.has('conversations')
    const current = () => turn === this.#turn && this.state.is === 'open' && wanted()
    for (let attempt = 0; current(); attempt++) {
      // Spreads the requests where many clients have lost a gateway together. The first list is needed at once: what it lacks is new.
      if (attempt > 0 || this.#listed !== undefined) await sleep(this.#host.clock, backoff(attempt))
      if (!current()) return
      const reply = await this.#connection.request({ type: 'conversations' }).catch(() => undefined)
      if (reply === undefined) continue
      const list = reply.conversations
      const before = this.#listed
      this.#listed = new Map(list.map(({ room, last }) => [room, last]))
      this.#emitter.emit('conversations', list)
      if (before === undefined) return
      for (const { room, last } of list.slice(0, maxFollowed).reverse()) {
        const seen = before.get(room) ?? ''
        if (seen !== last && this.#roomOf(room) === undefined) this.#followFrom(room, seen)
      }
      return
    }
  }

  #receive(frame: ServerFrame): void {
    if (!('room' in frame)) return
    const room = this.#roomOf(frame.room) ?? this.#follow(frame)
    if (room !== undefined) room.receive(frame)
    else if (isEvent(frame)) this.#outbox.seen(frame)
  }

  #seen(event: ChatEvent, how: 'live' | 'missed' | 'old'): void {
    this.#outbox.seen(event)
    if (how === 'old' || isMadeUp(event.room) || this.user === undefined) return
    const replayed = how === 'missed'
    const { room } = event
    const peer = peerIn(room, this.user.id)
    if (peer !== undefined) this.#emitter.emit('direct', { event, room, peer, replayed })
    else if (event.type === 'message') {
      this.#emitter.emit(room === everybody ? 'announcement' : 'notice', { message: event, replayed })
    }
  }

  /** Follows the user's own room and the announcements if they have listeners, so that notices during an absence arrive too. */
  #followOwn(): void {
    if (this.user === undefined) return
    const own = [
      ['announcement', everybody],
      ['notice', `user:${this.user.id}`],
    ] as const
    for (const [type, name] of own) {
      if (this.#emitter.has(type) && this.#roomOf(name) === undefined) this.#add(this.#followed, name, 0)
    }
  }

  #follow(frame: ServerFrame): RoomClient | undefined {
    if (!isEvent(frame) || isMadeUp(frame.room) || !this.#emitter.has('direct')) return undefined
    return this.#followFrom(frame.room, undefined)
  }

  /** Follows a direct-message room, from the event `after` or from the event that has just arrived. */
  #followFrom(name: string, after: string | undefined): RoomClient {
    const direct = [...this.#followed.keys()].filter((name) => name.startsWith('dm:'))
    if (direct.length >= maxFollowed) this.#followed.delete(direct[0] ?? '')
    const room = new RoomClient(name, 0, this.#host)
    room.begin(after)
    this.#followed.set(name, room)
    if (after !== undefined) void room.enter()
    return room
  }

  #add(rooms: Map<string, RoomClient>, name: string, recent: number): RoomClient {
    const room = new RoomClient(name, recent, this.#host)
    rooms.set(name, room)
    if (this.state.is === 'open') void room.enter()
    else if (this.state.is === 'closed') room.end('closed', this.state.why)
    return room
  }

  #left(name: string): void {
    this.#rooms.delete(name)
    if (isMadeUp(name)) leave(this.#connection, name)
  }

  #roomOf(name: string): RoomClient | undefined {
    return this.#rooms.get(name) ?? this.#followed.get(name)
  }

  #all(): RoomClient[] {
    return [...this.#rooms.values(), ...this.#followed.values()]
  }

  #changed(): void {
    this.#emitter.emit('changed', undefined)
  }
}

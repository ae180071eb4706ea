import type { Limits, ServerFrame, User } from '@rabble/contract'
import type { Address } from './address.ts'
import { type ChatClock, sleep, systemClock } from './clock.ts'
import { Connection, type ConnectionHost } from './connection.ts'
import { Credentials } from './credentials.ts'
import type { DeliveryHost } from './delivery.ts'
import { ChatError } from './errors.ts'
import { Observable } from './observable.ts'
import { Outbox, type OutboxHost } from './outbox.ts'
import type { Item } from './outbox-item.ts'
import { pick } from './same.ts'
import type { SocketSession } from './socket-session.ts'
import { Store } from './store.ts'
import type {
  ChatEvents,
  ChatSnapshot,
  ChatState,
  ConnectOptions,
  FetchLike,
  Gateways,
  Logger,
  Pending,
  RequestOptions,
  SendOptions,
  Sent,
  Transport,
  WebSocketConstructor,
  WebSocketLike,
} from './types.ts'

/** Module of the parts that are loaded when they are needed, at the latest after the first connection. */
type OnDemand = typeof import('./on-demand.ts')

/** Connection and outbox of a chat, and all that its parts need. */
export abstract class ChatParts
  extends Observable<ChatEvents, ChatSnapshot>
  implements ConnectionHost, OutboxHost
{
  readonly ready: Promise<void>
  limits: Limits | undefined
  // The parts of the chat use these.
  readonly keep: number
  readonly catchUp: number
  readonly heartbeat: number
  readonly clock: ChatClock
  readonly logger: Logger | undefined
  readonly fetch: FetchLike
  readonly address: Address
  readonly store: Store
  readonly credentials: Credentials
  readonly outbox: Outbox
  readonly connection: Connection
  /** Handles of rooms, joined or not. */
  abstract readonly handles: DeliveryHost['handles']
  /** Rooms that were joined over this connection only to send unsent messages. */
  readonly visited = new Set<string>()
  /** Parts that are loaded later, once they are. */
  parts: OnDemand | undefined
  readonly #WebSocket: WebSocketConstructor | undefined

  /** `WebSocket` is undefined only if it is not among the transports. */
  constructor(
    address: Address,
    WebSocket: WebSocketConstructor | undefined,
    transports: Transport[],
    options: ConnectOptions,
  ) {
    super()
    const { keep = 200, catchUp = 10_000, heartbeat = 20_000, clock = systemClock, logger } = options
    this.keep = keep
    this.catchUp = catchUp
    this.heartbeat = heartbeat
    this.clock = clock
    this.logger = logger
    this.fetch = options.fetch ?? ((...given) => globalThis.fetch(...given))
    this.address = address
    this.#WebSocket = WebSocket
    this.store = new Store(options.storage)
    this.credentials = new Credentials(options, this.store, clock)
    this.outbox = new Outbox(this, options.outbox)
    this.connection = new Connection(this, transports)
    this.ready = this.connection.opened
  }

  abstract shown(item: Item): boolean
  abstract itemChanged(item: Item): void
  abstract stateChanged(state: ChatState): void
  abstract opened(): void
  abstract receive(frame: ServerFrame): void

  get status(): ChatState['status'] {
    return this.state.status
  }

  get state(): ChatState {
    return this.connection.state
  }

  get user(): User | undefined {
    return this.credentials.user
  }

  get pending(): readonly Pending[] {
    return this.outbox.pending
  }

  sendTo(user: string, text: string, options?: SendOptions): Promise<Sent> {
    return this.outbox.add({ ...options, type: 'send', to: user, text })
  }

  async gateways(): Promise<Gateways> {
    return pick(await this.connection.request({ type: 'gateways' }), 'gateways', 'here')
  }

  reconnect(): void {
    this.connection.reconnect()
  }

  async request<T>(path: readonly string[], options?: RequestOptions<T>): Promise<T> {
    const { request } = await this.load()
    return request(this, path, options)
  }

  close({ forget = false } = {}): void {
    this.connection.close()
    if (!forget) return
    this.outbox.forget()
    this.store.forget()
  }

  async opener(transport: Transport): Promise<() => WebSocketLike> {
    const WebSocket = this.#WebSocket
    if (transport === 'websocket' && WebSocket) return () => new WebSocket(this.address.socket, 'rabble.v1')
    const { opener } = await this.load()
    return opener(transport, this.address, WebSocket, this.fetch, this.clock)
  }

  async renew(session: SocketSession, endsAt: number): Promise<{ cancel(): void }> {
    const { Renewal } = await this.loadLater()
    return new Renewal(this, session, endsAt)
  }

  async deliver(item: Item): Promise<Sent> {
    await this.connection.opened
    const { deliver } = await this.loadLater()
    return deliver(this, item)
  }

  /** Loads the parts that pages need not wait for. @throws ChatError `unavailable` if that fails now */
  load(): Promise<OnDemand> {
    return import('./on-demand.ts').then(
      (parts) => (this.parts = parts),
      (error: unknown) => {
        throw new ChatError('unavailable', String(error))
      },
    )
  }

  /** Loads them, however often that fails. */
  loadLater(): Promise<OnDemand> {
    return this.load().catch(() => sleep(this.clock, 5_000).then(() => this.loadLater()))
  }
}

import type {
  Conversation,
  DeleteEvent,
  EditEvent,
  ErrorCode,
  GatewayInfo,
  Limits,
  Member,
  MessagesReply,
  ReactionEvent,
  Reactions,
  User,
} from '@rabble/contract'
import type { ChatClock } from './clock.ts'
import type { ChatError } from './errors.ts'
import type { AnyMeta, ChatEventOf, ChatEvents, Message, RoomEvent, RoomEvents } from './events.ts'
import type { ResponseLike } from './options.ts'
import type { ChatState, MemberList, RoomState } from './state.ts'

export type * from './events.ts'
export type * from './options.ts'
export type * from './state.ts'
export type {
  ChatClock,
  Conversation,
  DeleteEvent,
  EditEvent,
  ErrorCode,
  GatewayInfo,
  Limits,
  Member,
  ReactionEvent,
  Reactions,
  User,
}

/** Listeners and readers of events, and snapshots of the state. A chat and a room have the same. */
interface Source<Events, Event, Snapshot> extends AsyncIterable<Event> {
  /** Adds a listener. Returns a function that removes it. */
  on<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): () => void
  /** Adds a listener of the next event of this type. Returns a function that removes it. */
  once<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): () => void
  /** Removes a listener. */
  off<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): void
  /**
   * Iterates over the events from now on. A slow reader's queue holds 20,000; then the oldest are dropped and a `gap` marks
   * them. Ends when the room is left or the chat is closed.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Event>
  /** Calls `listener` after changes of the state; a chat also after those of its rooms. Returns a function that ends that. */
  readonly subscribe: (listener: () => void) => () => void
  /** Returns the state. It is the same object until something in it changes, and never changes itself. */
  readonly getSnapshot: () => Snapshot
}

/** Connection to Rabble that reconnects automatically. `Meta` is the type of the application's data in messages. */
export interface Chat<Meta = AnyMeta>
  extends Source<ChatEvents<Meta>, ChatEventOf<Meta>, ChatSnapshot<Meta>>,
    ChatSnapshot<Meta> {
  /** Status of the connection, the same as `state.status`. */
  readonly status: ChatState['status']
  /** Resolves when the chat is open for the first time; rejects with a ChatError if that is impossible. */
  readonly ready: Promise<void>
  /** Returns the handle of a room, the same one for the same name. Nothing is sent until it is used. */
  room(name: string): Room<Meta>
  /**
   * Returns the handle of the direct messages with a user.
   * @throws ChatError `disconnected` before the chat knows its own user: await `ready`
   */
  directRoom(user: string): Room<Meta>
  /** Sends a direct message. Resolves once the log has it, however many connections that takes. */
  sendTo(user: string, text: string, options?: SendOptions<Meta>): Promise<Sent>
  /** Returns the gateways and their load. @throws ChatError */
  gateways(): Promise<Gateways>
  /**
   * Sends an HTTP request as this user to a path below the server's URL, given in segments such as `['api', 'rooms', name]`.
   * Resolves with the JSON of the answer, or with what `read` makes of it. Time limit: 10 s until then, or until `read` begins.
   * @throws ChatError of the server, or `disconnected` if it doesn't answer
   */
  request<T = unknown>(path: readonly string[], options?: RequestOptions<T>): Promise<T>
  /** Opens another connection, and keeps the present one until then. Without a connection it tries at once. */
  reconnect(): void
  /**
   * Closes the connection permanently. Unsent items and the identity of a guest stay in `storage`. With `forget` nothing
   * stays in it, and the guest is gone for good.
   */
  close(options?: { forget?: boolean }): void
}

/** Content of an HTTP request, and how its answer is read. */
export interface RequestOptions<T> {
  /** Default: `GET`. */
  method?: string
  /** Parameters of the address. Those that are undefined are left out. */
  query?: object
  /** Content, sent as JSON. */
  body?: unknown
  signal?: AbortSignal
  /** Reads a response of success. Default: its JSON, or undefined if it has no content. */
  read?: (response: ResponseLike) => T | Promise<T>
}

/** Wishes for entering a room. */
export interface JoinOptions {
  /** Number of the newest events to get when the room is entered, 0 to 1000. Default: 50. */
  recent?: number
}

/** Wishes for leaving a room. */
export interface LeaveOptions {
  /** Whether the user stays a member, so that the room stays among the conversations. Default: false. */
  keep?: boolean
}

/** Handle of a room. */
export interface Room<Meta = AnyMeta>
  extends Source<RoomEvents<Meta>, RoomEvent<Meta>, RoomSnapshot<Meta>>,
    RoomSnapshot<Meta> {
  readonly name: string
  /** Status of this session in the room, the same as `state.status`. */
  readonly status: RoomState['status']
  /**
   * Enters the room, now and after each reconnect, until `leave`. Resolves when the session is in the room. Also retries after a
   * refusal. @throws ChatError
   */
  join(options?: JoinOptions): Promise<void>
  /**
   * Leaves the room and forgets its messages. It ends the user's membership, unless `keep` is set. Unsent messages are still sent.
   * Resolves without a reply of the server.
   */
  leave(options?: LeaveOptions): Promise<void>
  /**
   * Sends a message. A room that is not joined is entered for as long as that takes. Resolves once the log has the message, however
   * many connections that takes. @throws ChatError that is final
   */
  send(text: string, options?: SendOptions<Meta>): Promise<Sent>
  /** Replaces the text of a message. Resolves like `send`, with the id of the edit. */
  edit(id: string, text: string): Promise<Sent>
  /** Deletes a message. Resolves like `send`, with the id of the deletion. */
  delete(id: string): Promise<Sent>
  /** Tells the others that the user is typing. May be called at each key press. */
  keystroke(): void
  /** Asks for the users in the room. @throws ChatError */
  fetchMembers(): Promise<MemberList>
  /** Returns a page of history. @throws ChatError */
  history(options?: HistoryOptions): Promise<HistoryPage<Meta>>
  /** Loads a page of messages before the first of `messages`. Resolves with their number. @throws ChatError */
  loadOlder(limit?: number): Promise<number>
  /** Drops all `messages` but the newest `keep`. */
  trim(keep: number): void
}

/** Further content of a message. */
export interface SendOptions<Meta = AnyMeta> {
  /** Id of the message that this one answers. */
  replyTo?: string
  /** Data of the application. */
  meta?: Meta
  /** Ids of the users whom the message mentions, 20 at most. For moderators also `@room` and `@here`. */
  mentions?: readonly string[]
}

/** Acknowledgement: the log has it. */
export interface Sent {
  /** Id of the message, edit or deletion. */
  id: string
}

/** Message, edit or deletion that is not known to be in the room yet. Another object takes its place when it changes. */
export interface Pending<Meta = AnyMeta> {
  readonly type: 'send' | 'edit' | 'delete'
  readonly cid: string
  /** Undefined for a direct message until the chat knows its own user. */
  readonly room: string | undefined
  readonly text: string
  readonly replyTo: string | undefined
  readonly meta: Meta | undefined
  readonly mentions: readonly string[] | undefined
  /** Id of the message to change; undefined for a new message. */
  readonly message: string | undefined
  /** Time of writing: RFC 3339. */
  readonly at: string
  /**
   * `pending`: is sent automatically; after a temporary refusal `error` is set. `sent`: the log has it, and its event is on the
   * way. `failed`: permanently, because of `error`.
   */
  readonly status: 'pending' | 'sent' | 'failed'
  readonly error: ChatError | undefined
  /** Sends it again now, under the same cid. */
  retry(): Promise<Sent>
  /** Withdraws it, in all tabs with the same storage. It may still arrive if it was sent already. */
  discard(): void
}

/** Gateways, and the id of the one that holds this connection. */
export interface Gateways {
  gateways: GatewayInfo[]
  here: string
}

/** Position of a page: one of `before`, `after` and `around` (ids of events), or none for the newest page. */
export interface HistoryOptions {
  before?: string
  after?: string
  around?: string
  /** Number of messages, 1 to 1000. Default: 50. */
  limit?: number
}

/** Messages in the order of the log, and flags for more. */
export type HistoryPage<Meta = AnyMeta> = Omit<MessagesReply, 'messages'> & { messages: Message<Meta>[] }

/** State of a chat. Every part keeps its identity until it changes. */
export interface ChatSnapshot<Meta = AnyMeta> {
  readonly state: ChatState
  /** User as the server knows it. Before the first connection: the one in `storage`, or undefined. */
  readonly user: User | undefined
  /** Limits that the server sent last. */
  readonly limits: Limits | undefined
  /** Rooms that the application has joined and not left, including those that it could not enter yet. */
  readonly rooms: readonly Room<Meta>[]
  /** Unsent items of all rooms, oldest first. */
  readonly pending: readonly Pending<Meta>[]
}

/** State of a room. Every part keeps its identity until it changes. */
export interface RoomSnapshot<Meta = AnyMeta> {
  readonly state: RoomState
  /** Newest messages with their changes applied, in order and without a gap: those received, and those loaded. */
  readonly messages: readonly Message<Meta>[]
  /**
   * Whether there may be older messages: `loadOlder()`. A gateway that has just started can't tell quiet rooms from new ones, so
   * this is true until history was read.
   */
  readonly hasOlder: boolean
  /** Number of users in the room, over all gateways. */
  readonly count: number
  /** Maximum number of users; undefined: no limit. */
  readonly capacity: number | undefined
  /** Users in the room. The list is kept up to date while the event `members` has a listener. */
  readonly members: MemberList
  /** Others who are typing. Each leaves the list after 5 s without news, or when the message has come. */
  readonly typing: readonly User[]
  /** Items of this room that are unsent, acknowledged but not back yet, or failed; oldest first. */
  readonly pending: readonly Pending<Meta>[]
}

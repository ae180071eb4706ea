import type {
  ChatEvent,
  Conversation,
  DeleteEvent,
  EditEvent,
  ErrorCode,
  GatewayInfo,
  MessagesReply as HistoryPage,
  Limits,
  MessageEvent as Message,
  User,
} from '@rabble/contract'
import type { ChatClock } from './clock.ts'
import type { ChatError, ChatErrorCode } from './errors.ts'

/*
 * Types of the protocol under the names that applications import. An alias would have two names, and compilers would infer the one
 * that the package does not export. `Message`: as in the log or, if it has `edited` or `deleted`, with its changes applied.
 */
export type {
  ChatClock,
  ChatEvent,
  Conversation,
  DeleteEvent,
  EditEvent,
  ErrorCode,
  GatewayInfo,
  HistoryPage,
  Limits,
  Message,
  User,
}

/** Subset of `localStorage` and `sessionStorage`. Its exceptions are ignored. */
export interface StorageLike {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/** Subset of a WebSocket that the SDK uses. Those of browsers, of Node.js 22 and of the package `ws` fit. */
export interface WebSocketLike {
  send(data: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
}
export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike

/**
 * How frames travel: over a WebSocket to a gateway's own address, which `api/route` tells, over a WebSocket, over Server-Sent Events and
 * POST requests, or over long polling and POST requests.
 */
export type Transport = 'direct' | 'websocket' | 'sse' | 'polling'

/** Subset of `fetch` that the SDK uses. The optional parts of a response serve `sse` (`body`) and `polling` (`text`) only. */
export type FetchLike = (
  url: string,
  init: {
    headers: Record<string, string>
    signal: AbortSignal
    method?: string
    body?: string
    cache?: 'no-store'
    keepalive?: boolean
  },
) => Promise<{
  ok: boolean
  status: number
  json(): Promise<unknown>
  text?(): Promise<string>
  headers?: { get(name: string): string | null }
  body?: ReadableStream<Uint8Array> | null
}>

export interface ConnectOptions {
  /** URL of Rabble, such as `https://chat.example.org/`. Default: in a browser, the page's address. */
  url?: string
  /** Name of a guest. */
  name?: string
  /** Token of an account. */
  token?: string
  /**
   * Returns a token, instead of `token`. Called before each connection, and before the session's token expires, to renew the
   * session. Time limit: 10 s. If it fails, or the server refuses the token, it is called again; five refusals in a row are
   * final.
   */
  getToken?: () => string | Promise<string>
  /** Storage of a guest's token, unsent messages and the last transport, so that they survive a reload. Default: memory only. */
  storage?: StorageLike
  /**
   * Transports to use, the best one first. The chat takes the next one while one does not work, and later returns to the first.
   * Default: `['websocket', 'sse', 'polling']`. A server whose gateways have public addresses adds `direct` before `websocket`, once the
   * chat has a token: cookies don't reach these addresses.
   */
  transports?: readonly Transport[]
  /**
   * WebSocket class. Default: `globalThis.WebSocket`. On Node.js 20 pass that of the package `ws`; without one the chat uses the
   * other transports.
   */
  WebSocket?: WebSocketConstructor
  /** Function for HTTP requests. Default: `globalThis.fetch`. */
  fetch?: FetchLike
  /** Number of messages that each room holds in `messages`; `loadOlder` adds to it. Default: 200. */
  keep?: number
  /** Maximum number of messages per room to read from history after an absence; more make a `gap`. Default: 10,000. */
  catchUp?: number
  /** Silence (ms) after which the client pings the gateway, which must answer within half of that time. Default: 20,000. */
  heartbeat?: number
  /** Maximum of unsent items, and of their JSON in bytes. Default: 500 items and 256 KiB. */
  outbox?: { count?: number; bytes?: number }
  /** Clock and timers, for tests and for hosts with a clock of their own. Default: those of the machine. */
  clock?: ChatClock
}

/** State of the connection. `retry: false` marks a final state. */
export type ChatState =
  /** Connecting; `attempt` counts the attempts in a row. */
  | { is: 'connecting'; attempt: number }
  | { is: 'open'; user: User; gateway: string; session: string; limits: Limits; transport: Transport }
  /** Waiting for the next attempt, at `until` (milliseconds since 1970) or as soon as the browser is online. */
  | { is: 'waiting'; until: number; attempt: number; why: string }
  /**
   * Permanently closed. `code` is `closed` after `close()`, the error code of a refused hello such as `name-taken`, or a close
   * code that forbids a retry. `unauthorized` and 4401 ask for another token; with `forbidden` and 1008 the user has no access.
   * To try again, perhaps with another name, call `connect` again.
   */
  | { is: 'closed'; code: ChatErrorCode | number; why: string; retry: false }

/** Events of the chat, besides those of its rooms. */
export interface ChatEvents {
  state: ChatState
  /** A message, edit or deletion in any of the user's direct-message rooms. */
  direct: DirectEvent
  /**
   * After each connection: the direct-message rooms with the newest messages, 200 at most, the newest first. Listeners of
   * `direct` also get the messages that new users sent during an absence.
   */
  conversations: readonly Conversation[]
  /** A message of the system to this user alone. */
  notice: NoticeEvent
  /** A message of the system to all users. */
  announcement: NoticeEvent
  /** Something visible has changed: a state, messages, users in rooms, pending items. Pages can draw again. */
  changed: undefined
}

export interface DirectEvent {
  event: ChatEvent
  /** Name of the room, `dm:<a>:<b>`. */
  room: string
  /** Id of the other user. */
  peer: string
  /** Whether the event is older than this session's knowledge of the room. */
  replayed: boolean
}

export interface NoticeEvent {
  message: Message
  replayed: boolean
}

/** Connection to Rabble that reconnects automatically. */
export interface Chat {
  readonly state: ChatState
  /** Resolves when the chat is open for the first time; rejects with a ChatError if that is impossible. */
  readonly ready: Promise<void>
  /** User as the server knows it. Before the first connection: the one in `storage`, or undefined. */
  readonly user: User | undefined
  /** Limits that the server sent last. */
  readonly limits: Limits | undefined
  /** Rooms that the application has requested and not left. */
  readonly rooms: readonly Room[]
  /** Unsent items of all rooms, oldest first. */
  readonly pending: readonly Pending[]
  /** Joins a room, also after each reconnect. Returns the same object for the same name. */
  room(name: string, options?: RoomOptions): Room
  /**
   * Returns the room of the direct messages with a user.
   * @throws ChatError `disconnected` before the chat knows its own user: await `ready`
   */
  directRoom(user: string, options?: RoomOptions): Room
  /** Sends a direct message. Resolves once the log has it, however many connections that takes. */
  sendTo(user: string, text: string, options?: SendOptions): Promise<Sent>
  /** Adds a listener. Returns a function that removes it. */
  on<T extends keyof ChatEvents>(type: T, listener: (event: ChatEvents[T]) => void): () => void
  /** Returns the gateways and their load. @throws ChatError */
  gateways(): Promise<Gateways>
  /** Opens another connection, and keeps the present one until then. Without a connection it tries at once. */
  reconnect(): void
  /** Closes the connection permanently. Unsent items stay in `storage`. */
  close(): void
}

export interface RoomOptions {
  /** Number of the newest events to get at the first join, 0 to 1000. Only the first call for a room uses it. Default: 50. */
  recent?: number
}

/** State of this session in a room. */
export type RoomState =
  /** Not in the room yet, or not any more; the client enters automatically. `why` is the reason of a temporary refusal. */
  | { is: 'joining'; code?: ChatErrorCode; why?: string }
  /** In the room: the messages are live. */
  | { is: 'in' }
  /** Not in the room, and no automatic retry: refused, removed or left. `join()` tries again. */
  | { is: 'out'; code: ChatErrorCode; why: string }

/**
 * Events of a room. Each `message`, `edit` and `delete` comes once, in the order of the log. A `gap` marks each place where
 * events are missing.
 */
export type RoomEvent =
  | { type: 'message'; message: Message; replayed: boolean }
  /** `message` is the edited message, if it is among the room's `messages`. */
  | { type: 'edit'; change: EditEvent; message?: Message; replayed: boolean }
  | { type: 'delete'; change: DeleteEvent; message?: Message; replayed: boolean }
  /**
   * Entered the room, for the first time or again. `events` is the number of events in the gateway's reply. If not `complete`,
   * the first time: history has older events. Later: more was missed than the gateway replays, and history has the rest. Changes
   * of messages from before the absence may then be missing: reload the messages that stay visible.
   */
  | { type: 'joined'; complete: boolean; count: number; capacity?: number; events: number }
  /** Removed from the room, or not admitted. With `retry` the client tries again automatically. */
  | { type: 'left'; code: ChatErrorCode; message: string; retry: boolean }
  /** Users who came and left; in large rooms a sample. `count` is exact. */
  | { type: 'presence'; joined: User[]; left: User[]; count: number }
  | { type: 'typing'; user: User }
  /**
   * Events are missing here: after the event `after`, if there is one, and before `before`, if that is known. History has them,
   * unless it lost them (`lost`).
   */
  | { type: 'gap'; after?: string; before?: string; why: 'too-many' | 'slow-reader' | 'lost' | 'unknown' }

export type RoomEventType = RoomEvent['type']

/** Events for listeners of a room. `changed`: something visible has changed. */
export type RoomEvents = { [T in RoomEventType]: Extract<RoomEvent, { type: T }> } & { changed: undefined }

/** Room that the application has requested. */
export interface Room extends AsyncIterable<RoomEvent> {
  readonly name: string
  readonly state: RoomState
  /** Newest messages with their changes applied, in order and without a gap: those received, and those loaded. */
  readonly messages: readonly Message[]
  /**
   * Whether there may be older messages: `loadOlder()`. A gateway that has just started can't tell quiet rooms from new ones, so
   * this is true until history was read.
   */
  readonly hasOlder: boolean
  /** Number of users in the room, over all gateways. */
  readonly count: number
  /** Maximum number of users; undefined: no limit. */
  readonly capacity: number | undefined
  /** Items of this room that are unsent, acknowledged but not back yet, or failed; oldest first. */
  readonly pending: readonly Pending[]
  /** Adds a listener. Returns a function that removes it. */
  on<T extends keyof RoomEvents>(type: T, listener: (event: RoomEvents[T]) => void): () => void
  /**
   * Iterates over events from now on. A slow reader's queue holds 20,000; then the oldest are dropped and a `gap` marks them.
   * Ends when the room is left.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<RoomEvent>
  /** Resolves when the session is in the room. Needed only to wait for that, or to retry after a refusal. @throws ChatError */
  join(): Promise<void>
  /** Leaves the room. The object can't be used again. Unsent messages are still sent. Resolves without a reply of the server. */
  leave(): Promise<void>
  /** Sends a message. Resolves once the log has it, however many connections that takes. @throws ChatError that is final */
  send(text: string, options?: SendOptions): Promise<Sent>
  /** Replaces the text of a message. Resolves like `send`, with the id of the edit. */
  edit(id: string, text: string): Promise<Sent>
  /** Deletes a message. Resolves like `send`, with the id of the deletion. */
  delete(id: string): Promise<Sent>
  /** Reports that the user is typing. May be called at each key press. */
  typing(): void
  /** Returns the users in the room. @throws ChatError */
  members(): Promise<Members>
  /** Returns a page of history. @throws ChatError */
  history(options?: HistoryOptions): Promise<HistoryPage>
  /** Loads a page of messages before the first of `messages`. Resolves with their number. @throws ChatError */
  loadOlder(limit?: number): Promise<number>
  /** Drops all `messages` but the newest `keep`. */
  trim(keep: number): void
}

export interface SendOptions {
  /** Id of the message that this one answers. */
  replyTo?: string
  /** Data of the application. */
  meta?: Record<string, unknown>
}

/** Acknowledgement: the log has it. */
export interface Sent {
  /** Id of the message, edit or deletion. */
  id: string
}

/** Message, edit or deletion that is not known to be in the room yet. */
export interface Pending {
  readonly type: 'send' | 'edit' | 'delete'
  readonly cid: string
  /** Undefined for a direct message until the chat knows its own user. */
  readonly room: string | undefined
  readonly text: string
  readonly replyTo: string | undefined
  readonly meta: Record<string, unknown> | undefined
  /** Id of the message to change; undefined for a new message. */
  readonly message: string | undefined
  /** Time of writing: RFC 3339. */
  readonly at: string
  /**
   * `pending`: is sent automatically; after a temporary refusal `error` is set. `sent`: the log has it, and its event is on the
   * way. `failed`: permanently, because of `error`.
   */
  readonly state: 'pending' | 'sent' | 'failed'
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

export interface Members {
  /** Users in the room, each once; 1000 at most. */
  users: User[]
  count: number
}

/** Position of a page: one of `before`, `after` and `around` (ids of events), or none for the newest page. */
export interface HistoryOptions {
  before?: string
  after?: string
  around?: string
  /** Number of messages, 1 to 1000. Default: 50. */
  limit?: number
}

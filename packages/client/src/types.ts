import type {
  ChatEvent,
  Conversation,
  DeleteEvent,
  EditEvent,
  ErrorCode,
  GatewayInfo,
  Limits,
  MessageEvent,
  MessagesReply,
  User,
} from '@rabble/contract'
import type { ChatClock } from './clock.ts'
import type { ChatError, ChatErrorCode } from './errors.ts'

export type { ChatClock, ChatEvent, DeleteEvent, EditEvent, ErrorCode, GatewayInfo, Limits, User }

/** A message, as it is in the log or, if `edited` or `deleted` is there, as changes have made it. */
export type Message = MessageEvent

/** What `localStorage` and `sessionStorage` are. Whatever it throws is ignored. */
export interface StorageLike {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/** What the SDK uses of a WebSocket; that of browsers, of Node.js 22 and of the package `ws` all fit. */
export interface WebSocketLike {
  send(data: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
}
export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike

/** What the SDK uses of `fetch`. */
export type FetchLike = (
  url: string,
  init: { headers: Record<string, string>; signal: AbortSignal },
) => Promise<{ ok: boolean; status: number; json(): Promise<unknown> }>

export interface ConnectOptions {
  /** Where Rabble is, such as `https://chat.example.org/`; in a browser the page's address unless told. */
  url?: string
  /** The name of a guest. */
  name?: string
  /** The token of an account. */
  token?: string
  /**
   * Instead of `token`: asked before each connection, and before the token of the session ends, which goes on with the new one.
   * It has 10 seconds. If it fails, or what it gives is refused, it is asked again; five refusals in a row are the end.
   */
  getToken?: () => string | Promise<string>
  /** Where a guest's token and what is unsent are kept, so that they survive a reload; memory alone unless told. */
  storage?: StorageLike
  /** The WebSocket to use; `globalThis.WebSocket` unless told. On Node.js 20 pass that of the package `ws`. */
  WebSocket?: WebSocketConstructor
  /** For what is read over HTTP; `globalThis.fetch` unless told. */
  fetch?: FetchLike
  /** Messages that each room holds in `messages`, unless it is told to load more; 200 unless told. */
  keep?: number
  /** Messages of one room that are read from history after an absence, at most; beyond them comes a `gap`. 10,000 unless told. */
  catchUp?: number
  /** Milliseconds of silence after which the gateway is asked whether it is there; 20,000 unless told. It has half of it to answer. */
  heartbeat?: number
  /** What may be unsent at a time: 500 messages and 256 KiB of JSON unless told. */
  outbox?: { count?: number; bytes?: number }
  /** The time and the timers to go by; default: those of the machine. For tests, and for hosts with a clock of their own. */
  clock?: ChatClock
}

/** How the chat is connected. `retry` is there where nothing more happens by itself. */
export type ChatState =
  /** The first attempt, or the `attempt`th in a row. */
  | { is: 'connecting'; attempt: number }
  | { is: 'open'; user: User; gateway: string; session: string; limits: Limits }
  /** The next attempt is due at `until` (milliseconds since 1970), or as soon as a browser says that it is online. */
  | { is: 'waiting'; until: number; attempt: number; why: string }
  /**
   * For good: `closed` by the caller, an error code of a refused hello such as `name-taken`, or the number of a close code that
   * says not to come back. `unauthorized` and 4401 ask for another token; `forbidden` and 1008 say that the user may not be here.
   * To try again, with another name perhaps, call `connect` again.
   */
  | { is: 'closed'; code: ChatErrorCode | number; why: string; retry: false }

/** What happens outside of rooms that were asked for. */
export interface ChatEvents {
  state: ChatState
  /** Something was said, edited or deleted in any of the user's direct messages. */
  direct: DirectEvent
  /**
   * After each connection: the rooms of direct messages in which something was said last, at most 200, the newest first. What
   * came from somebody new while there was no connection, listeners of `direct` are told as well.
   */
  conversations: readonly Conversation[]
  /** The system told something to this user alone. */
  notice: NoticeEvent
  /** The system told something to everybody. */
  announcement: NoticeEvent
  /** Something that can be seen has changed: a state, messages, who is where, what is unsent. For pages, to draw again. */
  changed: undefined
}

export interface DirectEvent {
  event: ChatEvent
  /** The name of the room, `dm:<a>:<b>`. */
  room: string
  /** The id of the other user. */
  peer: string
  /** Whether it happened before this session came to hear of it. */
  replayed: boolean
}

export interface NoticeEvent {
  message: Message
  replayed: boolean
}

/** A connection to Rabble that comes back by itself. */
export interface Chat {
  readonly state: ChatState
  /** Resolves when the chat is open for the first time; rejects with a ChatError if that can't be. */
  readonly ready: Promise<void>
  /** The user, as the server knows it; undefined before the first connection, unless `storage` knows. */
  readonly user: User | undefined
  /** As the server told them last. */
  readonly limits: Limits | undefined
  /** The rooms that were asked for and not left. */
  readonly rooms: readonly Room[]
  /** What is unsent, over all rooms, oldest first. */
  readonly pending: readonly Pending[]
  /** The room of this name, which is joined, and joined again after each reconnect; the same object for the same name. */
  room(name: string, options?: RoomOptions): Room
  /**
   * The room of the direct messages with a user.
   * @throws ChatError `disconnected` before the chat knows its own user: await `ready`
   */
  directRoom(user: string, options?: RoomOptions): Room
  /** Says something to a user. Resolves once the log has it, however many connections that takes. */
  sendTo(user: string, text: string, options?: SendOptions): Promise<Sent>
  /** Calls `listener` at each such event; the function that is returned ends that. */
  on<T extends keyof ChatEvents>(type: T, listener: (event: ChatEvents[T]) => void): () => void
  /** The gateways and how much they have to do. @throws ChatError */
  gateways(): Promise<Gateways>
  /** Goes over to another connection, and keeps this one until the other is open; while there is none, tries at once, anew. */
  reconnect(): void
  /** Ends the connection for good. What is unsent stays in `storage`. */
  close(): void
}

export interface RoomOptions {
  /** How many of the newest events are wanted at the first join, 0 to 1000; 50 unless told. Of the first call for a room. */
  recent?: number
}

/** Whether this session is in a room. */
export type RoomState =
  /** Not yet, or not any more, and it comes by itself; `why` is why it was refused for now. */
  | { is: 'joining'; code?: ChatErrorCode; why?: string }
  /** What is shown is live. */
  | { is: 'in' }
  /** Not, and nothing more happens by itself: refused, put out, or left. `join()` tries again. */
  | { is: 'out'; code: ChatErrorCode; why: string }

/**
 * What happens in a room. Of `message`, `edit` and `delete` each comes once, in the order of the log, and none is left out
 * without a `gap`.
 */
export type RoomEvent =
  | { type: 'message'; message: Message; replayed: boolean }
  /** `message` is what the edit has made of it, if it is among the room's `messages`. */
  | { type: 'edit'; change: EditEvent; message?: Message; replayed: boolean }
  | { type: 'delete'; change: DeleteEvent; message?: Message; replayed: boolean }
  /**
   * In the room, for the first time or again; `events` that were missed follow. Not `complete`: the first time, there are
   * older ones in history; later, more was missed than is replayed and is read from history, so that of messages from
   * before changes may be missing: read again what is to be shown on.
   */
  | { type: 'joined'; complete: boolean; count: number; capacity?: number; events: number }
  /** Put out, or not let in. With `retry` it is tried again by itself. */
  | { type: 'left'; code: ChatErrorCode; message: string; retry: boolean }
  /** Who came and went; in large rooms a sample. `count` is exact. */
  | { type: 'presence'; joined: User[]; left: User[]; count: number }
  | { type: 'typing'; user: User }
  /**
   * Events are missing here: behind the event `after`, if there is one, and before `before`, if that is known. They are in
   * history, unless it has lost them (`lost`).
   */
  | { type: 'gap'; after?: string; before?: string; why: 'too-many' | 'slow-reader' | 'lost' | 'unknown' }

export type RoomEventType = RoomEvent['type']

/** What listeners of a room get. `changed`: something that can be seen has changed. */
export type RoomEvents = { [T in RoomEventType]: Extract<RoomEvent, { type: T }> } & { changed: undefined }

/** A room that was asked for. */
export interface Room extends AsyncIterable<RoomEvent> {
  readonly name: string
  readonly state: RoomState
  /** The newest messages, each as it is by now, in order and without a hole: those that were seen, and what was loaded. */
  readonly messages: readonly Message[]
  /**
   * Whether there may be messages before the first one: `loadOlder()`. A gateway that was just started knows little of quiet
   * rooms, and can't tell them from new ones: then it is true until history was asked.
   */
  readonly hasOlder: boolean
  /** Users in the room, over all gateways. */
  readonly count: number
  /** How many may be in it; undefined: any number. */
  readonly capacity: number | undefined
  /** What of this room is unsent, acknowledged but not back yet, or failed; oldest first. */
  readonly pending: readonly Pending[]
  /** Calls `listener` at each such event; the function that is returned ends that. */
  on<T extends keyof RoomEvents>(type: T, listener: (event: RoomEvents[T]) => void): () => void
  /** The events from now on. Holds 20,000 for a reader that lags; then the oldest go, and a `gap` says so. Ends when the room is left. */
  [Symbol.asyncIterator](): AsyncIterableIterator<RoomEvent>
  /** Resolves when the session is in the room. Needed only to wait for that, and to try again what was refused. @throws ChatError */
  join(): Promise<void>
  /** Leaves the room; the object is used up. What is unsent still goes out. Resolves when that was asked for. */
  leave(): Promise<void>
  /** Says something. Resolves once the log has it, however many connections that takes. @throws ChatError that is final */
  send(text: string, options?: SendOptions): Promise<Sent>
  /** Gives a message another text. Resolves like `send`, with the id of the edit. */
  edit(id: string, text: string): Promise<Sent>
  /** Deletes a message. Resolves like `send`, with the id of the deletion. */
  delete(id: string): Promise<Sent>
  /** The user is typing: may be called at each key. */
  typing(): void
  /** Who is in the room. @throws ChatError */
  members(): Promise<Members>
  /** A page of history. @throws ChatError */
  history(options?: HistoryOptions): Promise<HistoryPage>
  /** Loads a page of messages before the first of `messages`; resolves with how many came. @throws ChatError */
  loadOlder(limit?: number): Promise<number>
  /** Lets go of all `messages` but the newest `keep`. */
  trim(keep: number): void
}

export interface SendOptions {
  /** The id of the message that this one answers. */
  replyTo?: string
  /** Anything that the application wants to add. */
  meta?: Record<string, unknown>
}

/** The log has it. */
export interface Sent {
  /** Of the message, the edit or the deletion. */
  id: string
}

/** Something that was written and is not known to be in the room yet. */
export interface Pending {
  readonly type: 'send' | 'edit' | 'delete'
  readonly cid: string
  /** Undefined of a message to a user until the chat knows its own. */
  readonly room: string | undefined
  readonly text: string
  readonly replyTo: string | undefined
  readonly meta: Record<string, unknown> | undefined
  /** The id of the message that is to be changed; undefined of a new one. */
  readonly message: string | undefined
  /** When it was written: RFC 3339. */
  readonly at: string
  /**
   * `pending`: goes out by itself; if it was refused for now, `error` says why, until the log has it. `sent`: the log has it, and it is about to
   * come back as an event of the room. `failed`: for good, because of `error`.
   */
  readonly state: 'pending' | 'sent' | 'failed'
  readonly error: ChatError | undefined
  /** Sends it again now, under the same cid. */
  retry(): Promise<Sent>
  /** Gives it up, in all tabs with the same storage. If it is on its way already it may still arrive. */
  discard(): void
}

/** The gateways, and the id of the one that this connection is with. */
export interface Gateways {
  gateways: GatewayInfo[]
  here: string
}

export interface Members {
  /** Each user once; not more than 1000. */
  users: User[]
  count: number
}

/** One of `before`, `after` and `around` (ids of events), or none for the newest page. */
export interface HistoryOptions {
  before?: string
  after?: string
  around?: string
  /** 1 to 1000; 50 unless told. */
  limit?: number
}

/** Messages in the order of the log, and whether there are more. */
export type HistoryPage = MessagesReply

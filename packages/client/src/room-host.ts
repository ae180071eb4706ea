import type { ChatEvent, ServerFrame, ServerFrames, User } from '@rabble/contract'
import type { Connection } from './connection.ts'
import type { ChatError } from './errors.ts'
import type { HttpHost } from './http.ts'
import type { Outbox } from './outbox.ts'
import type { Written } from './outbox-item.ts'
import type { Timeline, TimelineParts } from './timeline.ts'
import type { Gap, LeaveOptions, Logger, Room, RoomEvent, Sent } from './types.ts'

/** Content that an application writes in a room. */
export type What = Pick<Written, 'type' | 'text' | 'replyTo' | 'meta' | 'mentions' | 'message'>

/** Reason why missed events can't be read. */
export type Hole = Gap['reason']

/** State of one entry into a room over several joins. */
export interface Progress {
  /** Number of messages that were read from history. */
  read: number
  /** Number of joins in a row without progress. */
  vain: number
  /** Whether no event of the room is known, and history has none: the gateway's events are all there are. */
  begins: boolean
}

/** Position of a room in its events. */
export interface Position {
  /** Id of the newest event, from which the room resumes after an absence. Empty if the room had no events. */
  last: string | undefined
  /** Events that can't be read. The gap is reported when its end is known. */
  hole: { after: string | undefined; reason: Hole } | undefined
  /** Takes an event that is missing in the room: missed during an absence, or older than the first entry. */
  append(event: ChatEvent, how: 'missed' | 'old'): void
  gap(reason: Hole, after: string | undefined, before: string | undefined): void
}

/** A room, as its parts use it. */
export interface LiveRoom
  extends Pick<Room, 'name' | 'status' | 'messages' | 'members' | 'fetchMembers' | 'history'> {
  readonly host: RoomHost
  readonly timeline: Timeline
  readonly sync: Position
  typing: readonly User[]
  /** Counts entries: an answer to an earlier one is outdated. */
  readonly turn: number
  /** Whether the list of members is to be kept up to date. */
  readonly keepsMembers: boolean
  /** Resolves when the session is in the room. @throws ChatError with the reason why it can't enter */
  readonly entered: Promise<void>
  /** Tells an event, unless the room was left or the chat closed. */
  tell(event: RoomEvent): void
  append(event: ChatEvent, how: 'live' | 'missed' | 'old'): void
  /** Takes the counts in a reply to `join`. */
  counted(reply: Pick<ServerFrames['joined'], 'count' | 'capacity'>): void
  /** Called when nothing is missing any more, before any frame that follows. */
  nowIn(): void
  /** Takes a part of the state of `members`. Without `complete` it is not all. */
  setMembers(known: Partial<Room['members']>): void
  /** Tells subscribers. */
  changed(): void
}

/** Keeps the list of members of a room. */
export interface Keeper {
  /** Asks for the list, such as after the room was entered. */
  refresh(): Promise<void>
  presence(frame: Extract<ServerFrame, { type: 'presence' }>): void
}

/** Keeps the list of users who are typing in a room. */
export interface Typists {
  started(user: User): void
  /** Removes users; default: all. */
  stopped(ids?: Iterable<string>): void
}

/** Parts of a room that are loaded when they are needed. */
export interface RoomParts extends TimelineParts {
  /** Brings a room up to date from history as far as possible. */
  catchUp(room: LiveRoom, sync: Position, progress: Progress, wanted: () => boolean): Promise<void>
  /** Puts a page of history before the messages of a room. Resolves with its size. @throws ChatError */
  loadOlder(room: LiveRoom, limit: number): Promise<number>
  MemberKeeper: new (room: LiveRoom) => Keeper
  Typing: new (room: LiveRoom) => Typists
}

/** Parts of the chat that a room uses. */
export interface RoomHost extends HttpHost {
  readonly keep: number
  readonly catchUp: number
  readonly connection: Connection
  readonly outbox: Outbox
  readonly logger: Logger | undefined
  /** Sends an HTTP request. @throws ChatError */
  request: <T>(path: readonly string[], options: { query: object }) => Promise<T>
  /** The parts that are loaded later, once they are. */
  readonly parts: RoomParts | undefined
  /** @throws ChatError `unavailable` if the module can't be loaded now */
  load(): Promise<RoomParts>
  /** Loads it, however often that fails. */
  loadLater(): Promise<RoomParts>
  write(room: string, what: What): Promise<Sent>
  /** Reports an event: live, missed during an absence, or older than the first entry. */
  seen(event: ChatEvent, how: 'live' | 'missed' | 'old'): void
  /** Reports that something visible has changed. */
  notify(): void
  /** Reports that the application joins a room. Returns the reason why it can't. */
  joined(room: LiveRoom): ChatError | undefined
  left(room: string, options?: LeaveOptions): void
}

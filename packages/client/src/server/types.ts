import type { ChatEvent, RestrictionReply as Restriction } from '@rabble/contract'
import type { ChatClock } from '../clock.ts'
import type { ChatError } from '../errors.ts'

export type { ChatEvent, Restriction }

/** Options of `createServerClient`. One of `token` and `getToken` is required. */
export interface ServerOptions {
  /** Where Rabble is, such as `https://chat.example.org/`, also below a path. */
  url: string
  /** Token with the role `service`. For moderation it also needs the role `moderator`. */
  token?: string
  /** Returns a token. Called before the first request, and when a token is refused. */
  getToken?: () => string | Promise<string>
  /** Milliseconds for which a request that may succeed later is repeated; default: 30,000. `events` repeats without an end. */
  retryFor?: number
  /** Default: `globalThis.fetch`. */
  fetch?: typeof globalThis.fetch
  /** Time and timers; default: those of the machine. */
  clock?: ChatClock
}

/** Options of each request. */
export interface RequestOptions {
  /** Ends the request, also between two attempts. */
  signal?: AbortSignal
}

/** Further content of a message. */
export interface PublishOptions extends RequestOptions {
  /** Name of the message: with the same one it is the same message. Default: a random one for each call. */
  cid?: string
  /** Id of the message that it answers. */
  replyTo?: string
  /** JSON of the application. */
  meta?: Record<string, unknown>
  /** Another name to show; the id of the sender stays that of the token. */
  as?: string
}

/** Receiver of a notice: one user, a room, or everybody. */
export type NoticeTarget = { user: string } | { room: string } | 'everybody'

/** Options of a notice. */
export interface NoticeOptions extends RequestOptions {
  /** Name of the notice, as that of a message. */
  cid?: string
}

/** Place and reason of a kick. */
export interface KickOptions extends RequestOptions {
  /** Room to put the user out of; default: all rooms, by disconnecting the user. */
  room?: string
  /** For the audit and the user. */
  reason?: string
}

/** Place, reason and length of a ban or a mute. */
export interface RestrictOptions extends KickOptions {
  /** Duration; default: for good. */
  seconds?: number
}
/** Why events are missing before one. */
export type EventsGap = 'log-lost' | 'retention' | 'other-database'

/** An event, and the position after it. */
export interface ServerEvent {
  /** A message, or an edit or a deletion of one. */
  event: ChatEvent
  /** Position to continue after this event. Save it once the event is dealt with. */
  position: string
  /** Why events are missing before this one; absent: none is missing. */
  gap?: EventsGap
}

/** Events to read, and the position after which they begin. */
export interface EventsOptions {
  /** Position after which to begin: one that was saved. */
  after?: string | undefined
  /** Where to begin without `after`: `now` (default), or `first` for all that the server has. */
  from?: 'first' | 'now'
  /** Only events of these rooms, 50 at most; default: all rooms. */
  rooms?: readonly string[]
  /** Whether direct messages and notices to single users are included; needs the role `direct-reader`. Default: false. */
  direct?: boolean
  /** Maximum number of events that are held, 1 to 1000; default: 200. The next ones are requested when all of these are taken. */
  buffer?: number
  /** Ends the iteration, without an error. */
  signal?: AbortSignal
  /** Called for each failed request, which is repeated after a while, with its number in a row. */
  onRetry?: (error: ChatError, attempt: number) => void
}

/**
 * Client for back ends and bots. Each method rejects with a `ChatError`. A request without an answer, or with one that allows it,
 * is repeated for `retryFor` milliseconds; that is safe, since all of them do the same if they come twice.
 */
export interface ServerClient {
  /** Publishes a message as the user of the token, who need not be in the room. Resolves once the log has it. */
  publish(room: string, text: string, options?: PublishOptions): Promise<{ id: string }>
  /** Publishes a notice of the system. */
  notify(to: NoticeTarget, text: string, options?: NoticeOptions): Promise<{ id: string }>
  /** Puts a user out of a room, or disconnects the user. */
  kick(user: string, options?: KickOptions): Promise<void>
  /** Forbids a user to enter a room, or to connect. */
  ban(user: string, options?: RestrictOptions): Promise<Restriction>
  /** Lifts a ban. */
  unban(id: number, options?: RequestOptions): Promise<void>
  /** Forbids a user to write, in a room or everywhere. */
  mute(user: string, options?: RestrictOptions): Promise<Restriction>
  /** Lifts a mute. */
  unmute(id: number, options?: RequestOptions): Promise<void>
  /** Deletes a message: one of the user of the token or, with the role `moderator`, any. Resolves to the id of the deletion. */
  deleteMessage(room: string, id: string, options?: RequestOptions): Promise<{ id: string }>
  /**
   * Yields the events of all rooms, or of some, in the order of each room. Reconnects without a gap or a repeat. Ends only with
   * `signal` or `break`. Throws a `ChatError` that no retry can mend, such as `forbidden`.
   */
  events(options?: EventsOptions): AsyncIterableIterator<ServerEvent>
  /** Returns the position after the newest event, from which `events` can begin later. */
  position(options?: RequestOptions): Promise<string>
}

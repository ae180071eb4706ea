import type { Limits, Member, User } from '@rabble/contract'
import type { ChatErrorCode } from './errors.ts'
import type { Transport } from './options.ts'

/** State of the connection. */
export type ChatState =
  /** Connecting; `attempt` counts the attempts in a row. */
  | { status: 'connecting'; attempt: number }
  | { status: 'open'; user: User; gateway: string; session: string; limits: Limits; transport: Transport }
  /** Waiting for the next attempt, at `until` (milliseconds since 1970) or as soon as the browser is online. */
  | { status: 'waiting'; until: number; attempt: number; code: ChatErrorCode; reason: string }
  /**
   * Permanently closed. `code` is `closed` after `close()`, the error code of a refused hello such as `name-taken`, or the name of
   * a close code that forbids a retry. `unauthorized` and `token-expired` ask for another token; with `forbidden` and `policy` the
   * user has no access. To try again, perhaps with another name, call `connect` again.
   */
  | { status: 'closed'; code: ChatErrorCode; reason: string }

/** State of this session in a room. */
export type RoomState =
  /** Not joined yet. */
  | { status: 'idle' }
  /** Not in the room yet, or not any more; the client enters automatically. `reason` is that of a temporary refusal. */
  | { status: 'joining'; code?: ChatErrorCode; reason?: string }
  /** In the room: the messages are live. */
  | { status: 'joined' }
  /** Not in the room, and no automatic retry: refused, removed or left. `join()` tries again. */
  | { status: 'left'; code: ChatErrorCode; reason: string }

/** Users in a room. */
export interface MemberList {
  /**
   * Users, each once; 1000 at most. `role`: `owner` of the room, or `moderator`, if the server knows that. A role that has changed since the
   * user came is in the next answer of the server.
   */
  readonly users: readonly Member[]
  /** Exact number of users in the room. */
  readonly count: number
  /**
   * Whether `users` is all of them, as far as the server has told. It isn't before the first answer and after a lost connection,
   * and not for long in rooms of more than 100 users, where presence events are samples.
   */
  readonly complete: boolean
}

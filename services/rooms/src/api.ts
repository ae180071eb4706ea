import type { ErrorCode, Member, User, UserRecord } from '@rabble/contract'

/** A user who is about to enter a room with its first session on a gateway. */
export interface SeatRequest {
  room: string
  user: User
  /** Whether the user is a moderator, who may enter rooms without an invitation. */
  moderator?: true
  /** Network from which the user joins, as `networkOf` returns it. */
  network?: string
}

/** A user whose last session on a gateway has left a room. */
export interface SeatRelease {
  room: string
  /** The user's id. */
  user: string
}

/** A refusal, as the client receives it. `retryAfter` is in milliseconds. */
export interface Refusal {
  refused: ErrorCode
  message: string
  retryAfter?: number
}

/** A seat that was taken. */
export interface Seat {
  /** Number of users in the room, over all gateways, and the version of that number. */
  count: number
  version: number
  capacity?: number
  /** Whether the room belongs to the user. */
  owner?: true
}

/** Number of users in a room. A higher version is newer. */
export interface Count {
  room: string
  count: number
  version: number
}

export interface Renewal {
  /** Time (ms) after which the lease ends if it is not renewed. */
  expiresIn: number
  /** Latest version of the policies. */
  policies: number
  /** Time (ms since 1970) by the clock that ends bans and mutes: the database's. */
  now: number
  /** Rooms in which this gateway has seats and whose count may have changed since its last renewal. */
  counts: Count[]
}

/**
 * A claim of a name (default: for a guest). `user` is the guest's id: from its token, or a new one (`newGuestId`). Without
 * `user` the service creates an id; a caller that misses the answer can then neither repeat the claim nor give the name back.
 */
export interface NameClaim {
  name: string
  user?: string
  /**
   * Time (ms since 1970) at which an account's token ends; marks the claim as an account's. The name is kept until then,
   * whether the user is connected or not. It is taken from a guest who has it, and shared with other accounts.
   */
  account?: number
}

export interface ClaimedName {
  user: User
  /** Token with which a guest may return, through any gateway. */
  token?: string
  /** Time (ms since 1970) at which the token of the guest or account ends. */
  expiresAt: number
}

/** A room with restrictions, or a deleted room. */
export interface RoomPolicy {
  kind: 'room'
  room: string
  capacity?: number
  inviteOnly?: true
  /** Whether a user may be in the room with one session only. */
  single?: true
  /** Whether its members don't see how far the others have read. It restricts no join. */
  receipts?: false
  /** Whether every member may mention all others. It restricts no join either. */
  mentionAll?: true
  /**
   * The room was deleted. A gateway that first learns of this removes everybody from the room (`room-not-found`), even if the
   * gateway was cut off at the time of the deletion. The only other setting is `inviteOnly`, since such a room stays closed.
   * Without it, later joins are not restricted: taking a seat decides whether the room may appear again. If the room is created
   * again, its own entry replaces this one.
   */
  deleted?: true
}

/** A user who may not enter (`ban`) or not write (`mute`), in a room or anywhere. */
export interface UserPolicy {
  kind: 'ban' | 'mute'
  user: string
  room?: string
  /** Milliseconds since 1970, by the clock of `Renewal.now`. Absent: permanent. */
  expiresAt?: number
  reason?: string
}

/** A user was kicked from a room or everywhere. A gateway does so once, when it first learns of it. Dropped after a day. */
export interface KickPolicy {
  kind: 'kick'
  id: string
  user: string
  room?: string
  message: string
}

/** A session of a browser has ended: its tokens don't count any more. Dropped after a day, when these have expired. */
export interface SessionPolicy {
  kind: 'session'
  /** Id of the session, as in its tokens. */
  session: string
  user: string
  /** Time (ms since 1970) at which the last of its tokens expires. */
  expiresAt: number
}

export type Policy = RoomPolicy | UserPolicy | KickPolicy | SessionPolicy

/** Bounds on what history keeps of a room. It keeps the messages within both. */
export interface RoomRetention {
  /** Maximum age (ms). */
  maxAge?: number
  /** Maximum number of messages. */
  maxMessages?: number
}

export interface PolicyChanges {
  /** Version up to which these are all changes. */
  version: number
  /** Whether the copy must be emptied first, because it can't be brought up to date. */
  reset: boolean
  /** Whether there are more changes after `version`. */
  more: boolean
  /** Changes in the order of their versions; null for a policy that no longer holds. */
  changes: { key: string; policy: Policy | null }[]
}

/** An entry of the audit, which moderators can read. */
export interface AuditEntry {
  actor: User
  action: string
  room?: string
  user?: string
  detail?: Record<string, unknown>
}

/** A range of names in the order of code points, and the rooms in it that have messages. */
export interface NamesWithMessages {
  /** Name after which the range begins. */
  after: string
  /** Name with which the range ends. Absent at the end of all names. */
  through?: string
  names: readonly string[]
}

/** A user who wants to read. Without `user`: an anonymous reader. */
export interface Reader {
  /** The user's id. */
  user?: string
  moderator?: boolean
}

/** A page of the rooms that a user may not read. */
export interface HiddenPage {
  /** Whether every room is hidden: the user is banned everywhere. */
  everything: boolean
  names: string[]
  /** Start of the next page. Absent at the end. */
  next?: string
}

/** A page of rooms that have their own retention. */
export interface RetentionPage {
  rooms: Record<string, RoomRetention>
  /** Start of the next page. Absent at the end. */
  next?: string
}

/** A user whose data is being erased, or was a short time ago. */
export interface Erasure {
  /** The user's id. */
  user: string
  /** Time (ms) since the request, which put the user out. */
  age: number
}

/** Numbers of what was erased since the last report. */
export interface ErasureProgress {
  messages: number
  reactions: number
  conversations: number
}

/** Operations of the rooms service for history, about users. They fail as those of `RoomsClient` do. */
export interface UsersClient {
  /** Returns what the service knows of a user (an id); undefined if that is too much for one answer. */
  userRecord(user: string): Promise<UserRecord | undefined>
  /** Returns users of whom something may be left to erase, the longest due first. A page: those that are erased leave it. */
  erasures(): Promise<Erasure[]>
  /**
   * Reports progress. `complete`: nothing was found any more, after all gateways had put the user out. Then the service forgets what
   * it knows of the user itself, a part with each call, and returns whether there is more.
   */
  erased(user: string, progress: ErasureProgress & { complete: boolean }): Promise<{ more: boolean }>
}

/**
 * Operations of the rooms service for other services: over HTTP or, in one process, without a socket. Each rejects with an
 * Error if the service can't answer within 5 seconds. The operation may have been carried out nevertheless; repeating it is
 * harmless.
 */
export interface RoomsClient {
  /**
   * Keeps a gateway's seats for another 15 seconds. Returns undefined if its lease had ended: its seats are gone, and the
   * gateway starts again with `fresh`, which takes out a lease without seats.
   */
  renew(gateway: string, options: { fresh: boolean }): Promise<Renewal | undefined>
  /** Gives back a gateway's lease with all its seats and names. */
  end(gateway: string): Promise<void>
  /**
   * Takes and gives back seats: up to 1,000 in all, each room and user at most once. A seat that is taken again changes its name and
   * whether its user is a moderator. Returns the answers to `take`, in its
   * order; undefined if the lease had ended.
   */
  seats(
    gateway: string,
    batch: { take: readonly SeatRequest[]; give: readonly SeatRelease[] },
  ): Promise<(Seat | Refusal)[] | undefined>
  /** Returns up to `limit` users of a room, over all gateways, and their total number. */
  members(room: string, limit: number): Promise<{ users: Member[]; count: number }>
  /** Claims names, and gives back those of guests (ids) who have left this gateway. Returns as `seats` does. */
  names(
    gateway: string,
    batch: { claim: readonly NameClaim[]; release: readonly string[] },
  ): Promise<(ClaimedName | Refusal)[] | undefined>
  /** Returns the changes since a version of the policies. 0 asks for all policies. */
  policies(since: number): Promise<PolicyChanges>
  /** Records up to 500 entries in the audit. */
  audit(entries: readonly AuditEntry[]): Promise<void>
  /** Returns the retention of the rooms that have their own, by name. */
  retention(): Promise<ReadonlyMap<string, RoomRetention>>
  /** Returns those of up to 100 rooms whose messages a user may read. */
  readable(rooms: readonly string[], reader: Reader): Promise<string[]>
  /** Returns all rooms that a user (an id) or an anonymous reader may not read. `everything` means all rooms. */
  hidden(user: string | undefined): Promise<{ everything: boolean; names: string[] }>
  /** Reports the rooms with messages in a range of names, up to 1,000. Only a moderator may create a room with such a name. */
  former(part: NamesWithMessages): Promise<void>
}

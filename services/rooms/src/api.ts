import type { ErrorCode, User } from '@rabble/contract'

/** A user who is about to be in a room through a gateway, with its first session there. */
export interface SeatRequest {
  room: string
  user: User
  /** May enter rooms without being invited. */
  moderator?: true
  /** Where the join came from, as `networkOf` tells. */
  network?: string
}

/** A user whose last session of a gateway has left a room. */
export interface SeatRelease {
  room: string
  /** The user's id. */
  user: string
}

/** Why something was refused, as the client is told. `retryAfter` is in milliseconds. */
export interface Refusal {
  refused: ErrorCode
  message: string
  retryAfter?: number
}

/** The seat is taken. */
export interface Seat {
  /** Users in the room, over all gateways, and the version of that number. */
  count: number
  version: number
  capacity?: number
}

/** How many users are in a room; a higher version is newer. */
export interface Count {
  room: string
  count: number
  version: number
}

export interface Renewal {
  /** Milliseconds after which the lease ends unless it is renewed. */
  expiresIn: number
  /** The last version of the policies. */
  policies: number
  /** The time (ms since 1970) by the clock that ends bans and mutes: the database's. */
  now: number
  /** The rooms in which this gateway has seats and whose count has changed since its last renewal. */
  counts: Count[]
}

/**
 * A name that somebody wants, a guest unless told. `user` is the guest's id: what its token says, or a new one (`newGuestId`). Without it the
 * service makes one up, and who doesn't get the answer can neither ask again nor give the name back.
 */
export interface NameClaim {
  name: string
  user?: string
  /**
   * Of somebody with an account, who is there or not: the name is kept until the token ends then (milliseconds since 1970),
   * taken from a guest who has it, and shared with other accounts.
   */
  account?: number
}

export interface ClaimedName {
  user: User
  /** With which a guest may come back, to any gateway. */
  token?: string
  /** When the token ends (milliseconds since 1970), a guest's or that of an account. */
  expiresAt: number
}

/** A room that isn't for everybody in any number, or one that is no more. */
export interface RoomPolicy {
  kind: 'room'
  room: string
  capacity?: number
  inviteOnly?: true
  /** A user may be in with one session only. */
  single?: true
  /**
   * The room was deleted: when a gateway first meets this, it puts out everybody who is in the room (`room-not-found`), also
   * if it was cut off when it happened. Beside it stands `inviteOnly` at most, since such a room stays closed; otherwise it
   * restricts nobody who comes later: whether the room may appear again is the seats' to decide. If it is created again,
   * an entry of that room replaces this one.
   */
  deleted?: true
}

/** Who may not enter (`ban`) or not write (`mute`): in a room, or anywhere. */
export interface UserPolicy {
  kind: 'ban' | 'mute'
  user: string
  room?: string
  /** Milliseconds since 1970, by the clock of `Renewal.now`; absent: for good. */
  expiresAt?: number
  reason?: string
}

/** A user was put out, of a room or everywhere. A gateway does so once, when it first meets this, which goes after a day. */
export interface KickPolicy {
  kind: 'kick'
  id: string
  user: string
  room?: string
  message: string
}

export type Policy = RoomPolicy | UserPolicy | KickPolicy

/** What history keeps of a room: what is within both bounds. */
export interface RoomRetention {
  /** Milliseconds. */
  maxAge?: number
  /** Messages. */
  maxMessages?: number
}

export interface PolicyChanges {
  /** The version up to which these are all changes. */
  version: number
  /** Whether the copy must be emptied first, because it is too old to be brought up to date. */
  reset: boolean
  /** Whether there are more behind `version`. */
  more: boolean
  /** In the order of their versions; null for what no longer holds. */
  changes: { key: string; policy: Policy | null }[]
}

/** Something to be remembered for moderators. */
export interface AuditEntry {
  actor: User
  action: string
  room?: string
  user?: string
  detail?: Record<string, unknown>
}

/** A part of all names, in the order of code points, and those rooms in it that have messages. */
export interface NamesWithMessages {
  /** The part begins behind this name. */
  after: string
  /** The part ends with this name. Absent at the end of all names. */
  through?: string
  names: readonly string[]
}

/** Who wants to read; nobody in particular without `user`. */
export interface Reader {
  /** The user's id. */
  user?: string
  moderator?: boolean
}

/** A page of the rooms that somebody may not read. */
export interface HiddenPage {
  /** Whether that is every room: the user is banned everywhere. */
  everything: boolean
  names: string[]
  /** For the next page; absent at the end. */
  next?: string
}

/** A page of rooms that have a retention of their own. */
export interface RetentionPage {
  rooms: Record<string, RoomRetention>
  /** For the next page; absent at the end. */
  next?: string
}

/**
 * What gateways ask the rooms service. The same calls over HTTP and, in one process, without a socket. Each rejects with
 * an Error if the service can't answer within 5 seconds; then nobody knows whether it was done, and doing it again is
 * harmless.
 */
export interface RoomsClient {
  /**
   * Keeps a gateway's seats for another 15 seconds. Undefined if its lease had ended: then its seats are gone, and it
   * begins anew with `fresh`, which takes out a lease without seats.
   */
  renew(gateway: string, options: { fresh: boolean }): Promise<Renewal | undefined>
  /** Gives the gateway's lease back, with all seats and names that belong to it. */
  end(gateway: string): Promise<void>
  /**
   * Takes and gives back seats, up to 1,000 in all, each room and user at most once. The answers are those to `take`, in
   * its order. Undefined if the lease had ended.
   */
  seats(
    gateway: string,
    batch: { take: readonly SeatRequest[]; give: readonly SeatRelease[] },
  ): Promise<(Seat | Refusal)[] | undefined>
  /** Who is in a room, over all gateways: up to `limit` names, and how many there are. */
  members(room: string, limit: number): Promise<{ users: User[]; count: number }>
  /** Claims names, and gives back those of guests (ids) who have left this gateway. Answers as `seats`. */
  names(
    gateway: string,
    batch: { claim: readonly NameClaim[]; release: readonly string[] },
  ): Promise<(ClaimedName | Refusal)[] | undefined>
  /** What has changed since a version of the policies; 0 is nothing. */
  policies(since: number): Promise<PolicyChanges>
  /** Up to 500 entries. */
  audit(entries: readonly AuditEntry[]): Promise<void>
  /** What history keeps of rooms that have a setting of their own, by name. */
  retention(): Promise<ReadonlyMap<string, RoomRetention>>
  /** Those of up to 100 rooms whose messages somebody may read. */
  readable(rooms: readonly string[], reader: Reader): Promise<string[]>
  /** All rooms that a user (an id) may not read, or nobody in particular; `everything` says that it is every room. */
  hidden(user: string | undefined): Promise<{ everything: boolean; names: string[] }>
  /** Tells which rooms have messages, in a part of all names, up to 1,000: only a moderator may create a room of such a name. */
  former(part: NamesWithMessages): Promise<void>
}

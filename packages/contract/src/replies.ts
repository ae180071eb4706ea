import Type from 'typebox'
import { MessageEvent, User } from './events.ts'

/* What is answered over HTTP: first by history. */

/** Messages are known to be missing: right before the message `before`, or, without it, behind the newest one. */
export const GapReply = Type.Object({
  before: Type.Optional(Type.String()),
  noticedAt: Type.String(),
})
export type GapReply = Type.Static<typeof GapReply>

/** A page, as it is answered. */
export const MessagesReply = Type.Object({
  messages: Type.Array(MessageEvent),
  /** Newer ones for `after`, older ones otherwise. */
  hasMore: Type.Boolean(),
  hasMoreBefore: Type.Boolean(),
  hasMoreAfter: Type.Boolean(),
  gaps: Type.Optional(Type.Array(GapReply)),
})
export type MessagesReply = Type.Static<typeof MessagesReply>

/** What a search found, best or newest first. */
export const SearchReply = Type.Object({
  results: Type.Array(
    Type.Object({
      message: MessageEvent,
      /** The part of the text with the first match, in pieces. */
      snippet: Type.Array(Type.Object({ text: Type.String(), match: Type.Boolean() })),
    }),
  ),
  hasMore: Type.Boolean(),
})
export type SearchReply = Type.Static<typeof SearchReply>

/* And by rooms. */

/** A room. Times are as in messages. */
export const RoomReply = Type.Object({
  name: Type.String(),
  topic: Type.String(),
  access: Type.Unsafe<'open' | 'invite'>({ type: 'string', enum: ['open', 'invite'] }),
  /** Users that may be in it at a time. */
  capacity: Type.Optional(Type.Integer()),
  /** Whether a user may be in it with one session only. */
  single: Type.Boolean(),
  /** Whether who comes and goes is told as messages of the system. */
  announce: Type.Boolean(),
  /** What history keeps of it, if that is less than of all rooms. */
  retention: Type.Optional(
    Type.Object({ days: Type.Optional(Type.Number()), messages: Type.Optional(Type.Integer()) }),
  ),
  /** Users that are in it now, over all gateways. */
  count: Type.Integer(),
  /** The id of its owner; absent if it appeared by itself. */
  createdBy: Type.Optional(Type.String()),
  createdAt: Type.String(),
})
export type RoomReply = Type.Static<typeof RoomReply>

export const RoomsReply = Type.Object({
  rooms: Type.Array(RoomReply),
  /** What to give as `after` for those that follow; absent at the end. */
  next: Type.Optional(Type.String()),
})
export type RoomsReply = Type.Static<typeof RoomsReply>

/** Who is in a room now, over all gateways, each once. */
export const MembersReply = Type.Object({
  /** In the order of their ids; give the last one's as `after` for those that follow. */
  users: Type.Array(User),
  /** How many there are in all. */
  count: Type.Integer(),
  hasMore: Type.Boolean(),
})
export type MembersReply = Type.Static<typeof MembersReply>

/** A ban or a mute. */
export const RestrictionReply = Type.Object({
  id: Type.Integer(),
  /** The id of a user. */
  user: Type.String(),
  /** Absent: everywhere. */
  room: Type.Optional(Type.String()),
  reason: Type.String(),
  by: User,
  at: Type.String(),
  /** Absent: for good. */
  expiresAt: Type.Optional(Type.String()),
})
export type RestrictionReply = Type.Static<typeof RestrictionReply>

export const BansReply = Type.Object({ bans: Type.Array(RestrictionReply), hasMore: Type.Boolean() })
export type BansReply = Type.Static<typeof BansReply>

export const MutesReply = Type.Object({ mutes: Type.Array(RestrictionReply), hasMore: Type.Boolean() })
export type MutesReply = Type.Static<typeof MutesReply>

export const AuditReply = Type.Object({
  entries: Type.Array(
    Type.Object({
      id: Type.Integer(),
      at: Type.String(),
      actor: User,
      action: Type.String(),
      room: Type.Optional(Type.String()),
      /** The id of the user whom it is about. */
      user: Type.Optional(Type.String()),
      detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  ),
  hasMore: Type.Boolean(),
})
export type AuditReply = Type.Static<typeof AuditReply>

/** Who somebody is who signed in. */
export const SessionReply = Type.Object({
  /** For `hello` and `Authorization: Bearer`. Only told when signing in. */
  token: Type.String(),
  user: User,
  roles: Type.Array(Type.String()),
  guest: Type.Boolean(),
  /** Milliseconds since 1970. */
  expiresAt: Type.Integer(),
})
export type SessionReply = Type.Static<typeof SessionReply>

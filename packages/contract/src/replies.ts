import Type from 'typebox'
import { MessageEvent, User } from './events.ts'

/* Replies of the HTTP API: first those of history. */

/** Place of missing messages: right before the message `before` or, without it, after the newest one. */
export const GapReply = Type.Object({
  before: Type.Optional(Type.String()),
  noticedAt: Type.String(),
})
export type GapReply = Type.Static<typeof GapReply>

/** Page of messages. */
export const MessagesReply = Type.Object({
  messages: Type.Array(MessageEvent),
  /** Whether there are more: newer ones for `after`, older ones otherwise. */
  hasMore: Type.Boolean(),
  hasMoreBefore: Type.Boolean(),
  hasMoreAfter: Type.Boolean(),
  gaps: Type.Optional(Type.Array(GapReply)),
})
export type MessagesReply = Type.Static<typeof MessagesReply>

/** Results of a search, best or newest first. */
export const SearchReply = Type.Object({
  results: Type.Array(
    Type.Object({
      message: MessageEvent,
      /** Part of the text with the first match, in pieces. */
      snippet: Type.Array(Type.Object({ text: Type.String(), match: Type.Boolean() })),
    }),
  ),
  hasMore: Type.Boolean(),
})
export type SearchReply = Type.Static<typeof SearchReply>

/* Replies of the rooms service. */

/** Room. Times have the format of those in messages. */
export const RoomReply = Type.Object({
  name: Type.String(),
  topic: Type.String(),
  access: Type.Unsafe<'open' | 'invite'>({ type: 'string', enum: ['open', 'invite'] }),
  /** Maximum number of users in the room. */
  capacity: Type.Optional(Type.Integer()),
  /** Whether a user may have only one session in it. */
  single: Type.Boolean(),
  /** Whether messages of the system announce users who come and leave. */
  announce: Type.Boolean(),
  /** Limits of what history keeps of it, if they are lower than those of all rooms. */
  retention: Type.Optional(
    Type.Object({ days: Type.Optional(Type.Number()), messages: Type.Optional(Type.Integer()) }),
  ),
  /** Number of users in it now, over all gateways. */
  count: Type.Integer(),
  /** Id of its owner; absent if nobody created it. */
  createdBy: Type.Optional(Type.String()),
  createdAt: Type.String(),
})
export type RoomReply = Type.Static<typeof RoomReply>

export const RoomsReply = Type.Object({
  rooms: Type.Array(RoomReply),
  /** Value of `after` for the next page; absent on the last page. */
  next: Type.Optional(Type.String()),
})
export type RoomsReply = Type.Static<typeof RoomsReply>

/** Users in a room now, over all gateways, each once. */
export const MembersReply = Type.Object({
  /** Sorted by id. The last id is the value of `after` for the next page. */
  users: Type.Array(User),
  /** Total number of users. */
  count: Type.Integer(),
  hasMore: Type.Boolean(),
})
export type MembersReply = Type.Static<typeof MembersReply>

/** Ban or mute. */
export const RestrictionReply = Type.Object({
  id: Type.Integer(),
  /** Id of the user. */
  user: Type.String(),
  /** Room; absent: all rooms. */
  room: Type.Optional(Type.String()),
  reason: Type.String(),
  by: User,
  at: Type.String(),
  /** End of the restriction; absent: permanent. */
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
      /** Id of the affected user. */
      user: Type.Optional(Type.String()),
      detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  ),
  hasMore: Type.Boolean(),
})
export type AuditReply = Type.Static<typeof AuditReply>

/** User who has signed in. */
export const SessionReply = Type.Object({
  /** Token for `hello` and `Authorization: Bearer`. Only in the reply to signing in. */
  token: Type.String(),
  user: User,
  roles: Type.Array(Type.String()),
  guest: Type.Boolean(),
  /** Milliseconds since 1970. */
  expiresAt: Type.Integer(),
})
export type SessionReply = Type.Static<typeof SessionReply>

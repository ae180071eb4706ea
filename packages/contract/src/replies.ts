import { ConversationState } from './conversations.ts'
import { type ErrorCode, errorCodes } from './errors.ts'
import { ChatEvent, Member, MessageEvent, User } from './events.ts'
import { Type } from './typebox.ts'

/** Any error over HTTP. */
export const ErrorReply = Type.Object({
  statusCode: Type.Integer(),
  code: Type.Unsafe<ErrorCode | 'internal-error'>(
    Type.Enum([...Object.keys(errorCodes), 'internal-error'], {
      description: '`internal-error`: the service failed, and has logged why.',
    }),
  ),
  message: Type.String({ description: 'Sentence that states the rule, for people.' }),
})
export type ErrorReply = Type.Static<typeof ErrorReply>

/* Replies of the HTTP API: first those of history. */

/** Place of missing messages: right before the message `before` or, without it, after the newest one. */
export const GapReply = Type.Object({
  before: Type.Optional(Type.String({ description: 'Id of a message.' })),
  noticedAt: Type.String({ description: 'Time at which history noticed it.' }),
})
export type GapReply = Type.Static<typeof GapReply>

/** Page of messages. */
export const MessagesReply = Type.Object({
  messages: Type.Array(MessageEvent),
  hasMore: Type.Boolean({
    description: 'Whether there are more: newer ones for `after`, older ones otherwise.',
  }),
  hasMoreBefore: Type.Boolean({ description: 'Whether there are older messages before the page.' }),
  hasMoreAfter: Type.Boolean({ description: 'Whether there are newer messages after the page.' }),
  gaps: Type.Optional(
    Type.Array(GapReply, { description: 'Places of the page where the log had lost messages.' }),
  ),
})
export type MessagesReply = Type.Static<typeof MessagesReply>

/** Results of a search, best or newest first. */
export const SearchReply = Type.Object({
  results: Type.Array(
    Type.Object({
      message: MessageEvent,
      snippet: Type.Array(Type.Object({ text: Type.String(), match: Type.Boolean() }), {
        description: 'Part of the text with the first match, in pieces.',
      }),
    }),
  ),
  hasMore: Type.Boolean(),
})
export type SearchReply = Type.Static<typeof SearchReply>

/** Events of all rooms after a position. */
export const EventsReply = Type.Object({
  events: Type.Array(
    Type.Object({
      position: Type.String({
        description: 'Position after the event: the value of `after` that continues behind it.',
      }),
      event: ChatEvent,
    }),
  ),
  position: Type.String({ description: 'Position after the page, which may be empty.' }),
  hasMore: Type.Boolean({ description: 'Whether there is more to read now.' }),
  gap: Type.Optional(
    Type.Unsafe<'log-lost' | 'retention' | 'other-database'>(
      Type.Enum(['log-lost', 'retention', 'other-database'], {
        description: 'Why events are missing before the first event of the page; absent: none is missing.',
      }),
    ),
  ),
})
export type EventsReply = Type.Static<typeof EventsReply>

/** Data of a user besides messages, conversations and reactions. */
export const UserRecord = Type.Object({
  names: Type.Array(Type.String(), { description: 'Names that are held for the user now.' }),
  sessions: Type.Array(
    Type.Object({
      name: Type.String(),
      guest: Type.Boolean(),
      createdAt: Type.String(),
      usedAt: Type.String(),
      expiresAt: Type.String(),
    }),
    { description: 'Sessions that browsers keep.' },
  ),
  rooms: Type.Array(Type.String(), { description: 'Rooms that the user owns.' }),
  invitations: Type.Array(Type.Object({ room: Type.String(), at: Type.String() })),
  restrictions: Type.Array(
    Type.Object({
      kind: Type.Unsafe<'ban' | 'mute'>(Type.Enum(['ban', 'mute'])),
      room: Type.Optional(Type.String()),
      reason: Type.String(),
      at: Type.String(),
      expiresAt: Type.Optional(Type.String()),
    }),
    { description: 'Bans and mutes of the user.' },
  ),
})
export type UserRecord = Type.Static<typeof UserRecord>

/** Line of the export of a user. */
export const UserExportLine = Type.Union([
  Type.Object({
    type: Type.Literal('user'),
    id: Type.String(),
    exportedAt: Type.String(),
    names: Type.Optional(UserRecord.properties.names),
    sessions: Type.Optional(UserRecord.properties.sessions),
    rooms: Type.Optional(UserRecord.properties.rooms),
    invitations: Type.Optional(UserRecord.properties.invitations),
    restrictions: Type.Optional(UserRecord.properties.restrictions),
    receipts: Type.Boolean({ description: 'Whether others see how far the user has read.' }),
    presence: Type.Boolean({ description: 'Whether others see if the user is here.' }),
    lastSeen: Type.Optional(Type.String({ description: 'When a session of the user last ended.' })),
  }),
  Type.Object({
    type: Type.Literal('conversation'),
    room: Type.String(),
    since: Type.Optional(Type.String()),
    readUpTo: Type.Optional(Type.String({ description: 'Id of the last message that the user has read.' })),
    muted: Type.Boolean(),
  }),
  MessageEvent,
  Type.Object({
    type: Type.Literal('reaction'),
    room: Type.String(),
    message: Type.String({ description: 'Id of the message.' }),
    emoji: Type.String(),
  }),
  Type.Object(
    {
      type: Type.Literal('report'),
      room: Type.String(),
      message: Type.String({ description: 'Id of the message.' }),
      reason: Type.String(),
      at: Type.String(),
    },
    { description: 'Report that the user made to the moderators.' },
  ),
  Type.Object(
    {
      type: Type.Literal('end'),
      conversations: Type.Integer(),
      messages: Type.Integer(),
      reactions: Type.Integer(),
      reports: Type.Integer(),
    },
    { description: 'Last line, with the numbers of lines of each kind: without it, an export is not whole.' },
  ),
])
export type UserExportLine = Type.Static<typeof UserExportLine>

/** Page of conversations, the newest first. */
export const ConversationsReply = Type.Object({
  conversations: Type.Array(ConversationState),
  next: Type.Optional(
    Type.String({ description: 'Value of `after` for the next page; absent on the last page.' }),
  ),
})
export type ConversationsReply = Type.Static<typeof ConversationsReply>

/** Reply of a gateway to a program. */
export const IdReply = Type.Object({
  id: Type.String({ description: 'Id of the event.' }),
})
export type IdReply = Type.Static<typeof IdReply>

/** Place of a gateway with a public address of its own. */
export const RouteReply = Type.Object({
  url: Type.String({ description: 'URL of its WebSocket.' }),
})
export type RouteReply = Type.Static<typeof RouteReply>

/* Replies of the rooms service. */

/** Room. Times have the format of those in messages. */
export const RoomReply = Type.Object({
  name: Type.String(),
  topic: Type.String(),
  access: Type.Unsafe<'open' | 'invite'>({ type: 'string', enum: ['open', 'invite'] }),
  capacity: Type.Optional(Type.Integer({ description: 'Maximum number of users in the room.' })),
  single: Type.Boolean({ description: 'Whether a user may have only one session in it.' }),
  announce: Type.Boolean({
    description: 'Whether messages of the system announce users who come and leave.',
  }),
  receipts: Type.Boolean({
    description: 'Whether its members see how far the others have read, while they are at most 100.',
  }),
  mentionAll: Type.Boolean({
    description:
      'Whether every member may mention `@room` and `@here`, and not the owner and moderators alone.',
  }),
  retention: Type.Optional(
    Type.Object(
      { days: Type.Optional(Type.Number()), messages: Type.Optional(Type.Integer()) },
      { description: 'Limits of what history keeps of it, if they are lower than those of all rooms.' },
    ),
  ),
  count: Type.Integer({ description: 'Number of users in it now, over all gateways.' }),
  createdBy: Type.Optional(Type.String({ description: 'Id of its owner; absent if nobody created it.' })),
  createdAt: Type.String(),
})
export type RoomReply = Type.Static<typeof RoomReply>

export const RoomsReply = Type.Object({
  rooms: Type.Array(RoomReply),
  next: Type.Optional(
    Type.String({ description: 'Value of `after` for the next page; absent on the last page.' }),
  ),
})
export type RoomsReply = Type.Static<typeof RoomsReply>

/** Users in a room now, over all gateways, each once. */
export const MembersReply = Type.Object({
  users: Type.Array(Member, {
    description: 'Sorted by id. The last id is the value of `after` for the next page.',
  }),
  count: Type.Integer({ description: 'Total number of users.' }),
  hasMore: Type.Boolean(),
})
export type MembersReply = Type.Static<typeof MembersReply>

/** Ban or mute. */
export const RestrictionReply = Type.Object({
  id: Type.Integer(),
  user: Type.String({ description: 'Id of the user.' }),
  room: Type.Optional(Type.String({ description: 'Room; absent: all rooms.' })),
  reason: Type.String(),
  by: User,
  at: Type.String(),
  expiresAt: Type.Optional(Type.String({ description: 'End of the restriction; absent: permanent.' })),
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
      user: Type.Optional(Type.String({ description: 'Id of the affected user.' })),
      detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  ),
  hasMore: Type.Boolean(),
})
export type AuditReply = Type.Static<typeof AuditReply>

/** State of the erasure of a user's data. */
export const ErasureReply = Type.Object({
  user: Type.String({ description: 'Id of the user.' }),
  state: Type.Unsafe<'running' | 'done'>(Type.Enum(['running', 'done'])),
  requestedBy: Type.String({ description: 'Id of the user who asked for it.' }),
  requestedAt: Type.String(),
  barredUntil: Type.String({ description: 'Until then nobody may come in with this id.' }),
  messages: Type.Integer({ description: 'Messages that were deleted.' }),
  reactions: Type.Integer({ description: 'Reactions that were taken back.' }),
  conversations: Type.Integer({ description: 'Memberships and direct conversations that have ended.' }),
  finishedAt: Type.Optional(Type.String()),
  remains: Type.Array(Type.String(), {
    description: 'Sentences for people on data that an erasure can’t reach.',
  }),
})
export type ErasureReply = Type.Static<typeof ErasureReply>

/** User of a token. */
export const CallerReply = Type.Object({
  user: User,
  roles: Type.Array(Type.String(), { description: 'Roles beyond those of every user.' }),
  guest: Type.Boolean({ description: 'Whether the user is a guest, whose name must be held.' }),
  expiresAt: Type.Integer({ description: 'Milliseconds since 1970.' }),
})
export type CallerReply = Type.Static<typeof CallerReply>

/** Ways to sign in. */
export const SignInReply = Type.Object({
  guests: Type.Boolean({ description: 'Whether a name is enough.' }),
  provider: Type.Optional(
    Type.Object(
      { available: Type.Boolean({ description: 'Whether it could be reached.' }) },
      { description: 'Provider of accounts (OpenID Connect), if there is one.' },
    ),
  ),
})
export type SignInReply = Type.Static<typeof SignInReply>

/** User who has signed in. */
export const SessionReply = Type.Object({
  token: Type.String({ description: 'Token for `hello` and `Authorization: Bearer`.' }),
  ...CallerReply.properties,
})
export type SessionReply = Type.Static<typeof SessionReply>

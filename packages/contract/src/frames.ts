import { ConversationState, Person, Receipt } from './conversations.ts'
import { type ErrorCode, errorCodes } from './errors.ts'
import {
  ChatEvent,
  DeleteEvent,
  EditEvent,
  GatewayInfo,
  Member,
  MessageEvent,
  ReactionEvent,
  RoomSignal,
  User,
} from './events.ts'
import { Limits } from './limits.ts'
import { Type } from './typebox.ts'

/** Id that the client chose for a request; the reply has the same. */
export const Ref = Type.Union([Type.String({ maxLength: 128 }), Type.Number()])
export type Ref = Type.Static<typeof Ref>

/**
 * Returns the schema of a string that identifies something. Half a surrogate pair is refused: it would be hashed, stored or
 * encoded like any other half, and one name would be taken for another.
 */
function name(maxLength: number, minLength = 1) {
  return Type.Refine(
    Type.String({ ...(minLength > 0 && { minLength }), maxLength }),
    (value: unknown) => typeof value !== 'string' || value.isWellFormed(),
    () => 'must be well-formed Unicode',
  )
}

const room = name(140)
const id = name(64)
const cid = name(128)
const ref = Type.Optional(Ref)
/** Milliseconds since the event was first sent, if it is sent again under the same cid. */
const resent = Type.Optional(Type.Integer({ minimum: 0 }))

/*
 * Frames of the client. Unlisted fields are ignored, so that a later version can add some. A `type` that is not listed is
 * answered with `bad-frame`, and the connection stays open.
 */

/** First frame, due within 10 seconds. Reply: `welcome`. */
export const HelloFrame = Type.Object({
  type: Type.Literal('hello'),
  ref,
  token: Type.Optional(Type.String({ minLength: 1, maxLength: 8192 })),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
})

/** Replaces the token of the session with another one of the same user. Reply: `refreshed`. */
export const RefreshFrame = Type.Object({
  type: Type.Literal('refresh'),
  ref,
  token: Type.String({ minLength: 1, maxLength: 8192 }),
})

/**
 * Joins a room. Reply: `joined`. `after` requests all events after that one or, if it is empty, all events: for a client that has
 * seen the room without events. `recent` requests the newest n.
 */
export const JoinFrame = Type.Object({
  type: Type.Literal('join'),
  ref,
  room,
  after: Type.Optional(name(64, 0)),
  recent: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
})

/**
 * Leaves a room, and ends the user's membership. With `keep` the user stays a member, and only this session gets no more of the
 * room. Reply: `left`.
 */
export const LeaveFrame = Type.Object({
  type: Type.Literal('leave'),
  ref,
  room,
  keep: Type.Optional(Type.Boolean()),
})

/** Sends a message to a room or (`to`) to a user. Reply: `sent`, once the log has it. The same `cid` means the same message. */
export const SendFrame = Type.Object({
  type: Type.Literal('send'),
  ref,
  room: Type.Optional(room),
  to: Type.Optional(id),
  text: Type.String(),
  cid: Type.Optional(cid),
  resent,
  replyTo: Type.Optional(id),
  meta: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  mentions: Type.Optional(Type.Array(name(64), { maxItems: 20 })),
})

/** Replaces the text of one's own message. Reply: `sent`, with the id of the edit. The same `cid` means the same edit. */
export const EditFrame = Type.Object({
  type: Type.Literal('edit'),
  ref,
  room,
  id,
  text: Type.String(),
  cid: Type.Optional(cid),
  resent,
})

/** Deletes one's own message, permanently. Reply: `sent`, with the id of the deletion. */
export const DeleteFrame = Type.Object({ type: Type.Literal('delete'), ref, room, id })

/**
 * Reacts to a message with an emoji or, with `remove`, takes that back. Reply: `sent`, with the id of the event. If it is so already,
 * the reply is the same and nothing happens.
 */
export const ReactFrame = Type.Object({
  type: Type.Literal('react'),
  ref,
  room,
  id,
  emoji: name(64),
  remove: Type.Optional(Type.Boolean()),
})

/** Reports that the user is typing. No reply. */
export const TypingFrame = Type.Object({ type: Type.Literal('typing'), ref, room })

/** Sends data of the application to the members of a room, who get it once or not at all. It is not stored. No reply. */
export const SignalFrame = Type.Object({
  type: Type.Literal('signal'),
  ref,
  room,
  name: Type.String({ maxLength: 32, pattern: '^[A-Za-z][A-Za-z0-9._-]*$' }),
  data: Type.Optional(Type.Unknown()),
})

/** Requests the members of a room. Reply: `members`. */
export const MembersFrame = Type.Object({ type: Type.Literal('members'), ref, room })

/** Requests the list of gateways. Reply: `gateways`. */
export const GatewaysFrame = Type.Object({ type: Type.Literal('gateways'), ref })

/** Requests the direct-message rooms. Reply: `conversations`. */
export const ConversationsFrame = Type.Object({ type: Type.Literal('conversations'), ref })

/** Requests the newest conversations of the user, and all changes from then on. Reply: `watching`. */
export const WatchFrame = Type.Object({
  type: Type.Literal('watch'),
  ref,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
})

/** Moves the user's read position in a conversation forward to a message. Reply: `sent`. */
export const ReadFrame = Type.Object({ type: Type.Literal('read'), ref, room, upTo: id })

/** Mutes a conversation for the user, on all devices, or ends that. Reply: `sent`. */
export const MuteFrame = Type.Object({ type: Type.Literal('mute'), ref, room, muted: Type.Boolean() })

/**
 * Requests how far the others have read a conversation and, unless `follow` is false, how they read on. Reply: `receipts`.
 */
export const ReceiptsFrame = Type.Object({
  type: Type.Literal('receipts'),
  ref,
  room,
  follow: Type.Optional(Type.Boolean()),
})

/** Says what others may see of the user, or, without a choice, requests what they may. Reply: `privacy`. */
export const PrivacyFrame = Type.Object({
  type: Type.Literal('privacy'),
  ref,
  receipts: Type.Optional(Type.Boolean()),
  presence: Type.Optional(Type.Boolean()),
})

/** Requests the presence of users, and all changes from then on, in place of those of an earlier list. Reply: `people`. */
export const PeopleFrame = Type.Object({
  type: Type.Literal('people'),
  ref,
  users: Type.Array(name(64), { maxItems: 200 }),
})

/** Says whether the user has left this device alone. No reply. */
export const AwayFrame = Type.Object({ type: Type.Literal('away'), ref, away: Type.Boolean() })

/** Checks the connection. Reply: `pong`. */
export const PingFrame = Type.Object({ type: Type.Literal('ping'), ref })

/** Client frames by `type`. */
export const clientFrames = {
  hello: HelloFrame,
  refresh: RefreshFrame,
  join: JoinFrame,
  leave: LeaveFrame,
  send: SendFrame,
  edit: EditFrame,
  delete: DeleteFrame,
  react: ReactFrame,
  typing: TypingFrame,
  signal: SignalFrame,
  members: MembersFrame,
  gateways: GatewaysFrame,
  conversations: ConversationsFrame,
  watch: WatchFrame,
  read: ReadFrame,
  mute: MuteFrame,
  receipts: ReceiptsFrame,
  privacy: PrivacyFrame,
  people: PeopleFrame,
  away: AwayFrame,
  ping: PingFrame,
} as const
export type ClientFrameType = keyof typeof clientFrames
export type ClientFrames = { [T in ClientFrameType]: Type.Static<(typeof clientFrames)[T]> }
export type ClientFrame = ClientFrames[ClientFrameType]

/** Any frame of a client. */
export const ClientFrame = Type.Union(Object.values(clientFrames))

/* Frames of the gateway. A client ignores unknown types and fields. */

/** Milliseconds until the session's token expires, by the gateway's clock, so that nobody needs to compare clocks. */
const expiresIn = Type.Optional(Type.Integer())

export const WelcomeFrame = Type.Object({
  type: Type.Literal('welcome'),
  ref,
  session: Type.String(),
  user: User,
  gateway: Type.String(),
  limits: Limits,
  /** Token of a guest that connected with a name. With it the guest returns to any gateway as the same user. */
  token: Type.Optional(Type.String()),
  /** True for a guest that did not exist before: nobody can have sent it a direct message. */
  isNew: Type.Optional(Type.Boolean()),
  expiresIn,
  /** True if gateways have public addresses of their own: `GET /api/route` names one. */
  route: Type.Optional(Type.Boolean()),
})

/** Reply to `refresh`. A guest gets another token in place of the one that it sent. */
export const RefreshedFrame = Type.Object({
  type: Type.Literal('refreshed'),
  ref,
  token: Type.Optional(Type.String()),
  expiresIn,
})

export const JoinedFrame = Type.Object({
  type: Type.Literal('joined'),
  ref,
  room,
  /** Events in the order of the log. Later events follow as frames, without a gap. */
  events: Type.Array(ChatEvent),
  /** Whether `events` is all that was requested. If not, history has the rest. */
  complete: Type.Boolean(),
  /** Number of users in the room. */
  count: Type.Integer(),
  capacity: Type.Optional(Type.Integer()),
})

/** Reply to `leave`. Without a `ref`: the session was removed from the room, and `code` and `message` say why. */
export const LeftFrame = Type.Object({
  type: Type.Literal('left'),
  ref,
  room,
  code: Type.Optional(Type.Unsafe<ErrorCode>(Type.Enum(Object.keys(errorCodes)))),
  message: Type.Optional(Type.String()),
})
export const SentFrame = Type.Object({ type: Type.Literal('sent'), ref, id })
export const MembersReplyFrame = Type.Object({
  type: Type.Literal('members'),
  ref,
  room,
  users: Type.Array(Member),
  count: Type.Integer(),
})
export const GatewaysReplyFrame = Type.Object({
  type: Type.Literal('gateways'),
  ref,
  gateways: Type.Array(GatewayInfo),
  /** Id of the gateway that answers. */
  here: Type.String(),
})
/** Direct-message room, and the id of its newest message. */
export const Conversation = Type.Object({ room, last: id })
export type Conversation = Type.Static<typeof Conversation>

/** Direct-message rooms, the newest first. Messages after the request follow as frames, without a gap. */
export const ConversationsReplyFrame = Type.Object({
  type: Type.Literal('conversations'),
  ref,
  conversations: Type.Array(Conversation),
})

/** Newest conversations, the newest first. `next` is the cursor of `GET /api/conversations`; absent: these are all. */
export const WatchingFrame = Type.Object({
  type: Type.Literal('watching'),
  ref,
  conversations: Type.Array(ConversationState),
  next: Type.Optional(Type.String()),
})

/** A conversation of the user has changed. Without `conversation` the user is no longer in it. */
export const ConversationFrame = Type.Object({
  type: Type.Literal('conversation'),
  room,
  conversation: Type.Optional(ConversationState),
  version: Type.Integer(),
})

/** A room of the user has new messages: it has had `count`, and `last` is the id of the newest. */
export const ActivityFrame = Type.Object({
  type: Type.Literal('activity'),
  room,
  count: Type.Integer(),
  last: id,
  version: Type.Integer(),
})

/** A message in a room of the user mentions them. Only for sessions that are not in that room. */
export const MentionFrame = Type.Object({ type: Type.Literal('mention'), room, message: MessageEvent })

/**
 * Read positions of a conversation. Without a `ref`: they are not shown any more. If they are not `shown`, because the room or the
 * user does not want it, or the room has too many members, there is none.
 */
export const ReceiptsReplyFrame = Type.Object({
  type: Type.Literal('receipts'),
  ref,
  room,
  shown: Type.Boolean(),
  receipts: Type.Array(Receipt),
  version: Type.Integer(),
})

/** Users have read on. `removed` are those who have left or do not show their position any more. */
export const ReadNoticeFrame = Type.Object({
  type: Type.Literal('read'),
  room,
  receipts: Type.Array(Receipt),
  removed: Type.Optional(Type.Array(Type.String())),
  version: Type.Integer(),
})

/** Choices of the user: what others may see. Without a `ref`: another device has changed them, or this one. */
export const PrivacyReplyFrame = Type.Object({
  type: Type.Literal('privacy'),
  ref,
  receipts: Type.Boolean(),
  presence: Type.Boolean(),
  version: Type.Optional(Type.Integer()),
})

/**
 * Presence of users whom the user may see. Without a `ref`: of those that have changed, and `removed` are users whom the user may not
 * see any more.
 */
export const PeopleReplyFrame = Type.Object({
  type: Type.Literal('people'),
  ref,
  people: Type.Array(Person),
  removed: Type.Optional(Type.Array(Type.String())),
  version: Type.Optional(Type.Integer()),
})
export const PongFrame = Type.Object({ type: Type.Literal('pong'), ref })

/** Users who came and left since the last one. In large rooms `joined` and `left` are samples; `count` is exact. */
export const PresenceFrame = Type.Object({
  type: Type.Literal('presence'),
  room,
  joined: Type.Array(Member),
  left: Type.Array(User),
  count: Type.Integer(),
})

export const TypingNoticeFrame = Type.Object({ type: Type.Literal('typing'), room, user: User })

/** Request to reconnect to another gateway in `after` milliseconds: this one is draining, or the connection is old. */
export const ReconnectFrame = Type.Object({ type: Type.Literal('reconnect'), after: Type.Integer() })

/** Error. It never closes the connection. `retryAfter` is in milliseconds. */
export const ErrorFrame = Type.Object({
  type: Type.Literal('error'),
  ref,
  code: Type.Unsafe<ErrorCode>(Type.Enum(Object.keys(errorCodes))),
  message: Type.String(),
  retryAfter: Type.Optional(Type.Integer()),
})

/** Server frames by `type`. */
export const serverFrames = {
  welcome: WelcomeFrame,
  refreshed: RefreshedFrame,
  joined: JoinedFrame,
  left: LeftFrame,
  sent: SentFrame,
  members: MembersReplyFrame,
  gateways: GatewaysReplyFrame,
  conversations: ConversationsReplyFrame,
  watching: WatchingFrame,
  conversation: ConversationFrame,
  activity: ActivityFrame,
  mention: MentionFrame,
  receipts: ReceiptsReplyFrame,
  read: ReadNoticeFrame,
  privacy: PrivacyReplyFrame,
  people: PeopleReplyFrame,
  pong: PongFrame,
  message: MessageEvent,
  edit: EditEvent,
  delete: DeleteEvent,
  reaction: ReactionEvent,
  presence: PresenceFrame,
  typing: TypingNoticeFrame,
  signal: RoomSignal,
  reconnect: ReconnectFrame,
  error: ErrorFrame,
} as const
export type ServerFrameType = keyof typeof serverFrames
export type ServerFrames = { [T in ServerFrameType]: Type.Static<(typeof serverFrames)[T]> }
export type ServerFrame = ServerFrames[ServerFrameType]

/** Types of the replies to client frames. Each may instead be `error`. */
export const replies = {
  hello: 'welcome',
  refresh: 'refreshed',
  join: 'joined',
  leave: 'left',
  send: 'sent',
  edit: 'sent',
  delete: 'sent',
  react: 'sent',
  typing: undefined,
  signal: undefined,
  members: 'members',
  gateways: 'gateways',
  conversations: 'conversations',
  watch: 'watching',
  read: 'sent',
  mute: 'sent',
  receipts: 'receipts',
  privacy: 'privacy',
  people: 'people',
  away: undefined,
  ping: 'pong',
} as const satisfies Record<ClientFrameType, ServerFrameType | undefined>

import Type from 'typebox'
import { type ErrorCode, errorCodes } from './errors.ts'
import { ChatEvent, DeleteEvent, EditEvent, GatewayInfo, MessageEvent, User } from './events.ts'
import { Limits } from './limits.ts'

/** The client's own name for a request; the reply carries the same. */
export const Ref = Type.Union([Type.String({ maxLength: 128 }), Type.Number()])
export type Ref = Type.Static<typeof Ref>

/**
 * By what a client calls it, something is found again. Half a surrogate pair would be hashed, stored or encoded like any
 * other half, and one name would be taken for another.
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
/** Milliseconds since the event was sent first, of one that is sent again under the same cid. */
const resent = Type.Optional(Type.Integer({ minimum: 0 }))

/*
 * What a client sends. Fields that are not listed are ignored, so that a later version can add some; a `type` that is
 * not listed is answered with `bad-frame`, and the connection goes on.
 */

/** Must be first, within 10 seconds. Reply: `welcome`. */
export const HelloFrame = Type.Object({
  type: Type.Literal('hello'),
  ref,
  token: Type.Optional(Type.String({ minLength: 1, maxLength: 8192 })),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
})

/** Replaces the token of the session by another one of the same user. Reply: `refreshed`. */
export const RefreshFrame = Type.Object({
  type: Type.Literal('refresh'),
  ref,
  token: Type.String({ minLength: 1, maxLength: 8192 }),
})

/**
 * Reply: `joined`. `after` asks for everything that followed that event, or, if it is empty, for everything there is: for a
 * client that has seen the room without events. `recent` asks for the newest n.
 */
export const JoinFrame = Type.Object({
  type: Type.Literal('join'),
  ref,
  room,
  after: Type.Optional(name(64, 0)),
  recent: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
})

/** Reply: `left`. */
export const LeaveFrame = Type.Object({ type: Type.Literal('leave'), ref, room })

/** To a room or (`to`) to a user. Reply: `sent`, once the log has it. The same `cid` again is the same message. */
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
})

/** Gives an own message another text. Reply: `sent`, with the id of the edit. The same `cid` again is the same edit. */
export const EditFrame = Type.Object({
  type: Type.Literal('edit'),
  ref,
  room,
  id,
  text: Type.String(),
  cid: Type.Optional(cid),
  resent,
})

/** Deletes an own message. Reply: `sent`, with the id of the deletion; a message that is deleted stays so. */
export const DeleteFrame = Type.Object({ type: Type.Literal('delete'), ref, room, id })

/** No reply. */
export const TypingFrame = Type.Object({ type: Type.Literal('typing'), ref, room })

/** Reply: `members`. */
export const MembersFrame = Type.Object({ type: Type.Literal('members'), ref, room })

/** Reply: `gateways`. */
export const GatewaysFrame = Type.Object({ type: Type.Literal('gateways'), ref })

/** Reply: `conversations`. */
export const ConversationsFrame = Type.Object({ type: Type.Literal('conversations'), ref })

/** Reply: `pong`. */
export const PingFrame = Type.Object({ type: Type.Literal('ping'), ref })

/** Every client frame by its `type`. */
export const clientFrames = {
  hello: HelloFrame,
  refresh: RefreshFrame,
  join: JoinFrame,
  leave: LeaveFrame,
  send: SendFrame,
  edit: EditFrame,
  delete: DeleteFrame,
  typing: TypingFrame,
  members: MembersFrame,
  gateways: GatewaysFrame,
  conversations: ConversationsFrame,
  ping: PingFrame,
} as const
export type ClientFrameType = keyof typeof clientFrames
export type ClientFrames = { [T in ClientFrameType]: Type.Static<(typeof clientFrames)[T]> }
export type ClientFrame = ClientFrames[ClientFrameType]

/* What a gateway sends. A client ignores types and fields that it does not know. */

/** Milliseconds until the token ends that counts: by the clock of the gateway, so that nobody needs to compare clocks. */
const expiresIn = Type.Optional(Type.Integer())

export const WelcomeFrame = Type.Object({
  type: Type.Literal('welcome'),
  ref,
  session: Type.String(),
  user: User,
  gateway: Type.String(),
  limits: Limits,
  /** For a guest that came with a name: with it the guest comes back, to any gateway, as the same user. */
  token: Type.Optional(Type.String()),
  expiresIn,
})

/** The reply to `refresh`. For a guest with another token in the place of the one that was sent. */
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
  /** In log order; what follows comes as frames of its own, with nothing between. */
  events: Type.Array(ChatEvent),
  /** Whether `events` is all that was asked for. If not, the rest is in the history. */
  complete: Type.Boolean(),
  /** Users in the room. */
  count: Type.Integer(),
  capacity: Type.Optional(Type.Integer()),
})

/** The reply to `leave`; without a `ref`: the session was put out of the room, and `code` and `message` say why. */
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
  users: Type.Array(User),
  count: Type.Integer(),
})
export const GatewaysReplyFrame = Type.Object({
  type: Type.Literal('gateways'),
  ref,
  gateways: Type.Array(GatewayInfo),
  /** The id of the gateway that answers. */
  here: Type.String(),
})
/** A room of direct messages, and the id of the newest message that was said there. */
export const Conversation = Type.Object({ room, last: id })
export type Conversation = Type.Static<typeof Conversation>

/** The newest come first. What is said after the request comes as frames of its own, with nothing between. */
export const ConversationsReplyFrame = Type.Object({
  type: Type.Literal('conversations'),
  ref,
  conversations: Type.Array(Conversation),
})
export const PongFrame = Type.Object({ type: Type.Literal('pong'), ref })

/** Who came and went since the last one. In large rooms `joined` and `left` are samples; `count` is exact. */
export const PresenceFrame = Type.Object({
  type: Type.Literal('presence'),
  room,
  joined: Type.Array(User),
  left: Type.Array(User),
  count: Type.Integer(),
})

export const TypingNoticeFrame = Type.Object({ type: Type.Literal('typing'), room, user: User })

/** This gateway is draining, or the connection is old: come back, to another, in `after` milliseconds. */
export const ReconnectFrame = Type.Object({ type: Type.Literal('reconnect'), after: Type.Integer() })

/** Never closes the connection. `retryAfter` is in milliseconds. */
export const ErrorFrame = Type.Object({
  type: Type.Literal('error'),
  ref,
  code: Type.Unsafe<ErrorCode>(Type.Enum(Object.keys(errorCodes))),
  message: Type.String(),
  retryAfter: Type.Optional(Type.Integer()),
})

/** Every server frame by its `type`. */
export const serverFrames = {
  welcome: WelcomeFrame,
  refreshed: RefreshedFrame,
  joined: JoinedFrame,
  left: LeftFrame,
  sent: SentFrame,
  members: MembersReplyFrame,
  gateways: GatewaysReplyFrame,
  conversations: ConversationsReplyFrame,
  pong: PongFrame,
  message: MessageEvent,
  edit: EditEvent,
  delete: DeleteEvent,
  presence: PresenceFrame,
  typing: TypingNoticeFrame,
  reconnect: ReconnectFrame,
  error: ErrorFrame,
} as const
export type ServerFrameType = keyof typeof serverFrames
export type ServerFrames = { [T in ServerFrameType]: Type.Static<(typeof serverFrames)[T]> }
export type ServerFrame = ServerFrames[ServerFrameType]

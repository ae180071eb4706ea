import { Type } from './typebox.ts'

/** Author of an event, as other users see it. */
export const User = Type.Object({ id: Type.String(), name: Type.String() })
export type User = Type.Static<typeof User>

/** User in a room. */
export const Member = Type.Object({
  ...User.properties,
  /**
   * `owner`: the room belongs to the user. `moderator`: the user is in the room with this role in its token, and doesn't own the room.
   * Gateways and services from before this field leave it out.
   */
  role: Type.Optional(Type.Unsafe<'owner' | 'moderator'>(Type.Enum(['owner', 'moderator']))),
})
export type Member = Type.Static<typeof Member>

/** RFC 3339, UTC, milliseconds. */
const Time = Type.String({ minLength: 20, maxLength: 40 })

/**
 * Marks an event that the gateway could not compare with older events of the same id. A reader that doesn't know all ids treats
 * the event as new, but must not use its position as the position of that id.
 */
const unchecked = Type.Optional(Type.Literal(true))

/** Author and time of a change. */
export const Change = Type.Object({ by: User, at: Time })
export type Change = Type.Static<typeof Change>

/** Users who reacted to a message with one emoji. */
export const Reactions = Type.Object({
  emoji: Type.String({ maxLength: 64 }),
  /** Number of users. */
  count: Type.Integer(),
  /** Ids of some of these users, in the order of their reactions: of all of them, up to 50. */
  users: Type.Array(Type.String()),
})
export type Reactions = Type.Static<typeof Reactions>

/**
 * Chat message: one line of the log and, byte for byte, the frame that every client gets. The same `id` may stand in the log
 * twice (a retried publish); every reader keeps the first.
 */
export const MessageEvent = Type.Object({
  type: Type.Literal('message'),
  /** A room's name, `dm:<a>:<b>`, `user:<id>`, or `*` for everybody. */
  room: Type.String({ minLength: 1, maxLength: 140 }),
  /** Derived from sender, room and cid, so that a message that is sent again has the same id. */
  id: Type.String({ minLength: 1, maxLength: 64 }),
  /** Id that the sender gave the message. */
  cid: Type.Optional(Type.String({ maxLength: 128 })),
  from: User,
  text: Type.String(),
  /** Time at which the gateway accepted it. The order is that of the log. */
  at: Time,
  /** Gateway that accepted it. */
  via: Type.String(),
  /** Id of the message that this one answers. */
  replyTo: Type.Optional(Type.String({ maxLength: 64 })),
  /** Data of the sending application. */
  meta: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  unchecked,
  /** Last edit, if there was one: `text` is then the new text. Not in the log, only in messages that are read later. */
  edited: Type.Optional(Change),
  /** Deletion, if there was one: `text` is then empty and `meta` is absent. Not in the log either. */
  deleted: Type.Optional(Change),
  /** Ids of the users whom it mentions; `@room` stands for all members, `@here` for those who are in the room now. */
  mentions: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 20 })),
  /** Reactions by emoji, in the order in which the emoji came first. Absent if there is none. Not in the log either. */
  reactions: Type.Optional(Type.Array(Reactions)),
  /** Id of the last event that is counted in `reactions`. */
  reacted: Type.Optional(Type.String({ maxLength: 64 })),
})
export type MessageEvent = Type.Static<typeof MessageEvent>

const change = {
  room: MessageEvent.properties.room,
  /** Id of the event itself. */
  id: MessageEvent.properties.id,
  /** Id of the changed message. */
  message: MessageEvent.properties.id,
  /** User who changed it: the author or, with `moderator`, a user who may change the messages of others. */
  from: User,
  moderator: Type.Optional(Type.Literal(true)),
  at: Time,
  via: Type.String(),
}
const { moderator: _, ...reaction } = change

/** New text for a message. */
export const EditEvent = Type.Object({
  type: Type.Literal('edit'),
  ...change,
  cid: MessageEvent.properties.cid,
  text: Type.String(),
  unchecked,
})
export type EditEvent = Type.Static<typeof EditEvent>

/** Deletion of a message. It is permanent: later edits have no effect. */
export const DeleteEvent = Type.Object({ type: Type.Literal('delete'), ...change })
export type DeleteEvent = Type.Static<typeof DeleteEvent>

/** Reaction of any user to a message, or the end of one. */
export const ReactionEvent = Type.Object({
  type: Type.Literal('reaction'),
  ...reaction,
  /** One emoji, as Unicode recommends it for interchange. */
  emoji: Type.String({ minLength: 1, maxLength: 64 }),
  /** Whether the user takes the reaction back. */
  remove: Type.Optional(Type.Literal(true)),
  /**
   * Number of this user's reactions with this emoji to this message, this one included: odd ones add it, even ones remove it. The id
   * is derived from it, so the same step is one event, whichever gateways it is sent through.
   */
  revision: Type.Integer({ minimum: 1 }),
  /** All reactions to the message after this one. Not in the log, only in events that are replayed. */
  reactions: MessageEvent.properties.reactions,
})
export type ReactionEvent = Type.Static<typeof ReactionEvent>

/** Change of a message by its author or a moderator. */
export type TextChange = EditEvent | DeleteEvent

/** Event that changes a message. */
export type ChangeEvent = TextChange | ReactionEvent

/** Events of the log that clients get. Each is, byte for byte, the frame that they get, while it is new. */
export const ChatEvent = Type.Union([MessageEvent, EditEvent, DeleteEvent, ReactionEvent])
export type ChatEvent = Type.Static<typeof ChatEvent>

/**
 * Written by a gateway when it starts, for itself alone: once it reads the line back, it has read everything that was in the log
 * before, over the path that messages take. All other readers skip the type as an unknown one.
 */
export const StartedEvent = Type.Object({
  type: Type.Literal('started'),
  room: Type.String(),
  id: Type.String(),
  via: Type.String(),
  at: Type.String(),
})
export type StartedEvent = Type.Static<typeof StartedEvent>

/**
 * Written by gateways while nothing else is written, to distinguish a quiet log from a log that doesn't arrive. The mark of any
 * gateway serves all of them; all other readers skip the type.
 */
export const MarkEvent = Type.Object({
  type: Type.Literal('mark'),
  room: Type.String(),
  id: Type.String(),
  via: Type.String(),
  at: Type.String(),
})
export type MarkEvent = Type.Static<typeof MarkEvent>

/** Common fields of all lines of the log. A reader of version 1 knows some types and skips the others. */
export const LogEvent = Type.Object({ type: Type.String(), room: Type.String(), id: Type.String() })
export type LogEvent = Type.Static<typeof LogEvent>

/** User who is typing. Signals are not stored; they go between gateways over the signals exchange. */
export const TypingSignal = Type.Object({ type: Type.Literal('typing'), room: Type.String(), user: User })
export type TypingSignal = Type.Static<typeof TypingSignal>

/** Data of an application for the members of a room. It travels like a typing notice. */
export const RoomSignal = Type.Object({
  type: Type.Literal('signal'),
  room: MessageEvent.properties.room,
  from: User,
  /** Name of the signal. */
  name: Type.String({ maxLength: 32 }),
  data: Type.Optional(Type.Unknown()),
})
export type RoomSignal = Type.Static<typeof RoomSignal>

/**
 * Users who came to a room and left it, over all gateways; in large rooms a sample. `count` is exact, and the count with the
 * highest version is the newest. Sent by the rooms service.
 */
export const PresenceSignal = Type.Object({
  type: Type.Literal('presence'),
  room: Type.String(),
  joined: Type.Array(Member),
  left: Type.Array(User),
  count: Type.Integer(),
  version: Type.Integer(),
})
export type PresenceSignal = Type.Static<typeof PresenceSignal>

/** Notice that the policies have changed: gateways fetch what is newer than their copy. */
export const PolicySignal = Type.Object({ type: Type.Literal('policy'), version: Type.Integer() })
export type PolicySignal = Type.Static<typeof PolicySignal>

/**
 * Notice to remove a user from a room or, without a room, to disconnect the user, who may return. The signal only makes that
 * fast. The policies, which no gateway misses, contain the same: under `id` if there is one, otherwise as a ban.
 */
export const KickSignal = Type.Object({
  type: Type.Literal('kick'),
  id: Type.Optional(Type.String()),
  user: Type.String(),
  room: Type.Optional(Type.String()),
  message: Type.String(),
})
export type KickSignal = Type.Static<typeof KickSignal>

/** Report of a gateway about itself. `stopped` is its last one. */
const gatewayFields = {
  /** Id of the gateway. */
  gateway: Type.String({ maxLength: 64 }),
  /** Number of open connections. */
  sessions: Type.Integer(),
  /** Messages, edits and deletions that it published per second. */
  messagesPerSecond: Type.Number(),
  /** Frames that it delivered per second, one for each event and member. */
  deliveriesPerSecond: Type.Number(),
  /** Recent time (ms) from accepting an event to reading it from the log. Needs synchronised clocks. */
  lag: Type.Number(),
}
const gatewayStates = ['ready', 'unready', 'draining', 'stopped'] as const

/** Sent by each gateway every 2 s, to all gateways. A gateway that gets its own signal back knows that signals arrive. */
export const GatewaySignal = Type.Object({
  type: Type.Literal('gateway'),
  ...gatewayFields,
  state: Type.Enum([...gatewayStates]),
  /** Where other gateways reach it, to pass on requests of its sessions. Clients are not told. */
  url: Type.Optional(Type.String({ maxLength: 256, pattern: '^http://[^/?#@\\s]+$' })),
  /** WebSocket at its own public address, if it has one. `GET /api/route` tells clients. */
  publicUrl: Type.Optional(Type.String({ maxLength: 256, pattern: '^wss?://[^/?#@\\s]+/ws$' })),
})
export type GatewaySignal = Type.Static<typeof GatewaySignal>

/** Known state of a gateway. `gone`: silent for a while, without a `stopped`. */
export const GatewayInfo = Type.Object({
  ...gatewayFields,
  state: Type.Enum([...gatewayStates, 'gone']),
})
export type GatewayInfo = Type.Static<typeof GatewayInfo>

/** Maximum number of users in one signal about people. */
export const maxSignalled = 500

/**
 * Presence of users at one gateway, and questions about users: sent by gateways, to all gateways. Each gateway answers what it is asked
 * about users who are there.
 */
export const PeopleSignal = Type.Object({
  type: Type.Literal('people'),
  gateway: Type.String({ maxLength: 64 }),
  users: Type.Array(
    Type.Object({
      user: Type.String({ maxLength: 64 }),
      state: Type.Unsafe<'online' | 'away' | 'offline'>(Type.Enum(['online', 'away', 'offline'])),
    }),
    { maxItems: maxSignalled },
  ),
  /** Ids of the users who are asked about. */
  asked: Type.Array(Type.String({ maxLength: 64 }), { maxItems: maxSignalled }),
})
export type PeopleSignal = Type.Static<typeof PeopleSignal>

/** The signals of version 1. */
export type KnownSignal =
  | TypingSignal
  | RoomSignal
  | PresenceSignal
  | PolicySignal
  | KickSignal
  | GatewaySignal
  | PeopleSignal

/** Common field of all signals. Unknown types are skipped. */
export const Signal = Type.Object({ type: Type.String() })
export type Signal = Type.Static<typeof Signal> & Record<string, unknown>

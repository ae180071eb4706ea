import Type from 'typebox'

/** Who said it, as shown to others. */
export const User = Type.Object({ id: Type.String(), name: Type.String() })
export type User = Type.Static<typeof User>

/** RFC 3339, UTC, milliseconds. */
const Time = Type.String({ minLength: 20, maxLength: 40 })

/**
 * The gateway could not find out whether this repeats an older event with the same id. A reader that doesn't know all ids
 * takes it for new, but not its place for the place of that id.
 */
const unchecked = Type.Optional(Type.Literal(true))

/** Who changed a message, and when. */
export const Change = Type.Object({ by: User, at: Time })
export type Change = Type.Static<typeof Change>

/**
 * A chat message: one line of the log, and, byte for byte, the frame that every client gets.
 * The same `id` may stand in the log twice (a retried publish); every reader keeps the first.
 */
export const MessageEvent = Type.Object({
  type: Type.Literal('message'),
  /** A room's name, `dm:<a>:<b>`, `user:<id>`, or `*` for everybody. */
  room: Type.String({ minLength: 1, maxLength: 140 }),
  /** Derived from sender, room and cid: a message that is sent again has the same id. */
  id: Type.String({ minLength: 1, maxLength: 64 }),
  /** The name that the sender gave the message. */
  cid: Type.Optional(Type.String({ maxLength: 128 })),
  from: User,
  text: Type.String(),
  /** When the gateway took it. Not an order: the log is. */
  at: Time,
  /** The gateway that took it. */
  via: Type.String(),
  /** The id of the message that this one answers. */
  replyTo: Type.Optional(Type.String({ maxLength: 64 })),
  /** Whatever the sending application wants to add. */
  meta: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  unchecked,
  /** Not in the log, but in what is read back later: the last edit, if there was one. `text` is the new one. */
  edited: Type.Optional(Change),
  /** Likewise: the message was deleted. `text` is empty then, and `meta` is gone. */
  deleted: Type.Optional(Change),
})
export type MessageEvent = Type.Static<typeof MessageEvent>

const change = {
  room: MessageEvent.properties.room,
  /** The event's own id. */
  id: MessageEvent.properties.id,
  /** The id of the message that is changed. */
  message: MessageEvent.properties.id,
  /** Who changed it: its author or, if `moderator` says so, somebody who may change what others said. */
  from: User,
  moderator: Type.Optional(Type.Literal(true)),
  at: Time,
  via: Type.String(),
}

/** A message has another text now. */
export const EditEvent = Type.Object({
  type: Type.Literal('edit'),
  ...change,
  cid: MessageEvent.properties.cid,
  text: Type.String(),
  unchecked,
})
export type EditEvent = Type.Static<typeof EditEvent>

/** A message is no more. Nothing can bring it back: edits that follow change nothing. */
export const DeleteEvent = Type.Object({ type: Type.Literal('delete'), ...change })
export type DeleteEvent = Type.Static<typeof DeleteEvent>

export type ChangeEvent = EditEvent | DeleteEvent

/** What stands in the log for clients: each is, byte for byte, the frame that they get. */
export const ChatEvent = Type.Union([MessageEvent, EditEvent, DeleteEvent])
export type ChatEvent = Type.Static<typeof ChatEvent>

/**
 * Written by a gateway when it starts, and read by it alone: once its own line comes back, it has read everything that
 * was in the log before, over the very path that messages take. Everybody else skips the type, as any unknown one.
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
 * Written by gateways while nothing else is, so that a log that nobody writes to can be told from one that doesn't arrive.
 * That of any gateway serves all of them; everybody else skips the type.
 */
export const MarkEvent = Type.Object({
  type: Type.Literal('mark'),
  room: Type.String(),
  id: Type.String(),
  via: Type.String(),
  at: Type.String(),
})
export type MarkEvent = Type.Static<typeof MarkEvent>

/** Whatever a line of the log may be: a reader of version 1 knows some types and skips the others. */
export const LogEvent = Type.Object({ type: Type.String(), room: Type.String(), id: Type.String() })
export type LogEvent = Type.Static<typeof LogEvent>

/** What need not last, between gateways, over the signals exchange. */
export const TypingSignal = Type.Object({ type: Type.Literal('typing'), room: Type.String(), user: User })
export type TypingSignal = Type.Static<typeof TypingSignal>

/**
 * Who came to a room and who left it, over all gateways; in large rooms a sample. `count` is exact, and that of the
 * highest version is the newest. Sent by the rooms service.
 */
export const PresenceSignal = Type.Object({
  type: Type.Literal('presence'),
  room: Type.String(),
  joined: Type.Array(User),
  left: Type.Array(User),
  count: Type.Integer(),
  version: Type.Integer(),
})
export type PresenceSignal = Type.Static<typeof PresenceSignal>

/** The policies have changed: gateways fetch what is newer than their copy. */
export const PolicySignal = Type.Object({ type: Type.Literal('policy'), version: Type.Integer() })
export type PolicySignal = Type.Static<typeof PolicySignal>

/**
 * A user is to be put out of a room or, without one, to be disconnected; coming back is not forbidden. It only makes that
 * quick: the policies, which are never missed, say so as well, if it has an `id` under that one, or else by a ban.
 */
export const KickSignal = Type.Object({
  type: Type.Literal('kick'),
  id: Type.Optional(Type.String()),
  user: Type.String(),
  room: Type.Optional(Type.String()),
  message: Type.String(),
})
export type KickSignal = Type.Static<typeof KickSignal>

/** What a gateway says of itself. `stopped` is its last word. */
const gatewayFields = {
  /** Its id. */
  gateway: Type.String({ maxLength: 64 }),
  /** Connections that it holds. */
  sessions: Type.Integer(),
  /** Messages, edits and deletions a second that it published. */
  messagesPerSecond: Type.Number(),
  /** Frames a second that it fanned out, one for each event and member. */
  deliveriesPerSecond: Type.Number(),
  /** Milliseconds from when an event was taken to when it came through the log, of late. Needs synchronised clocks. */
  lag: Type.Number(),
}
const gatewayStates = ['ready', 'unready', 'draining', 'stopped'] as const

/** Told by each gateway every two seconds, to all of them. That it comes back shows a gateway that signals arrive. */
export const GatewaySignal = Type.Object({
  type: Type.Literal('gateway'),
  ...gatewayFields,
  state: Type.Enum([...gatewayStates]),
})
export type GatewaySignal = Type.Static<typeof GatewaySignal>

/** What is known of a gateway. One that was not heard of for a while, and said no last word, is `gone`. */
export const GatewayInfo = Type.Object({
  ...gatewayFields,
  state: Type.Enum([...gatewayStates, 'gone']),
})
export type GatewayInfo = Type.Static<typeof GatewayInfo>

/** The signals of version 1. */
export type KnownSignal = TypingSignal | PresenceSignal | PolicySignal | KickSignal | GatewaySignal

/** Whatever a signal may be; unknown types are skipped. */
export const Signal = Type.Object({ type: Type.String() })
export type Signal = Type.Static<typeof Signal> & Record<string, unknown>

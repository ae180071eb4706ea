import { MessageEvent } from './events.ts'
import { Type } from './typebox.ts'

const { room, id, at, via } = MessageEvent.properties

/** Fields of all personal events. */
const personal = {
  room,
  id,
  /** Id of the user. */
  user: Type.String({ minLength: 1, maxLength: 64 }),
  at,
  via,
}

/** A user has become a member of a room or, with `member: false`, has left it for good. */
export const MembershipEvent = Type.Object({
  type: Type.Literal('membership'),
  ...personal,
  member: Type.Boolean(),
})
export type MembershipEvent = Type.Static<typeof MembershipEvent>

/** A user has read a conversation up to the message `upTo`. */
export const ReadEvent = Type.Object({ type: Type.Literal('read'), ...personal, upTo: id })
export type ReadEvent = Type.Static<typeof ReadEvent>

/** A user wants no notifications of a conversation, or wants them again. */
export const MuteEvent = Type.Object({ type: Type.Literal('mute'), ...personal, muted: Type.Boolean() })
export type MuteEvent = Type.Static<typeof MuteEvent>

/**
 * A user's choice of what others may see. It is of no conversation: `room` is `user:<id>`, so all choices of a user stand in one
 * partition.
 */
export const PrivacyEvent = Type.Object({
  type: Type.Literal('privacy'),
  ...personal,
  /** Whether others see how far the user has read. Absent: as before, as with the next one. */
  receipts: Type.Optional(Type.Boolean()),
  /** Whether others see if the user is here, and since when not. */
  presence: Type.Optional(Type.Boolean()),
})
export type PrivacyEvent = Type.Static<typeof PrivacyEvent>

/** The last session of a user at a gateway has ended. Its room is `user:<id>`, too. */
export const SeenEvent = Type.Object({ type: Type.Literal('seen'), ...personal })
export type SeenEvent = Type.Static<typeof SeenEvent>

/**
 * Events of one user in a conversation. They stand in the log, in the partition of the room. Clients get the conversation as it
 * is afterwards, not the event.
 */
export const PersonalEvent = Type.Union([MembershipEvent, ReadEvent, MuteEvent, PrivacyEvent, SeenEvent])
export type PersonalEvent = Type.Static<typeof PersonalEvent>

/** How far a user has read a conversation. */
export const Receipt = Type.Object({
  /** Id of the user. */
  user: Type.String(),
  /** Id of the message up to which the user has read; absent: the conversation had no message when the user came. */
  upTo: Type.Optional(Type.String()),
})
export type Receipt = Type.Static<typeof Receipt>

/** Presence of a user over all devices. `away`: all sessions say so, or have done nothing for a while. */
export const Person = Type.Object({
  /** Id of the user. */
  user: Type.String(),
  state: Type.Unsafe<'online' | 'away' | 'offline'>(Type.Enum(['online', 'away', 'offline'])),
  /** When an offline user was last here, if that is known. */
  lastSeen: Type.Optional(Type.String()),
})
export type Person = Type.Static<typeof Person>

/** Maximum number of members of a room who see how far the others have read. */
export const maxReceipts = 100

/** State of a conversation for one user. The one with the highest version is the newest. */
export const ConversationState = Type.Object({
  room,
  peer: Type.Optional(Type.String({ description: 'Id of the other user, in a direct conversation.' })),
  /** The newest one, if it is still stored and the user may read it. */
  lastMessage: Type.Optional(MessageEvent),
  unread: Type.Integer({ description: 'Number of messages after the read position.' }),
  mentions: Type.Integer({ description: 'Number of those that mention the user or the whole room.' }),
  readUpTo: Type.Optional(
    Type.String({ description: 'Id of the message up to which the user has read; absent: none yet.' }),
  ),
  muted: Type.Boolean({ description: 'Whether the user wants no notifications of it.' }),
  count: Type.Integer({ description: 'Number of messages that the room has had: it only grows.' }),
  version: Type.Integer({ description: 'Grows with each change of the room’s messages or of this state.' }),
})
export type ConversationState = Type.Static<typeof ConversationState>

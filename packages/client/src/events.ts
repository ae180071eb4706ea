import type {
  ChatEvent as AnyChatEvent,
  Conversation,
  DeleteEvent,
  EditEvent,
  Member,
  MessageEvent,
  ReactionEvent,
  ServerFrames,
  User,
} from '@rabble/contract'
import type { ChatErrorCode } from './errors.ts'
import type { ChatState, MemberList, RoomState } from './state.ts'

/** Data of the application in messages, unless `connect` is given another type. */
export type AnyMeta = Record<string, unknown>

/** Message as in the log or, if it has `edited`, `deleted` or `reactions`, with its changes applied. */
export type Message<Meta = AnyMeta> = Omit<MessageEvent, 'meta'> & { meta?: Meta }

/** Event of the log: a message, an edit, a deletion or a reaction. */
export type ChatEvent<Meta = AnyMeta> = Message<Meta> | Exclude<AnyChatEvent, { type: 'message' }>

/**
 * Events of the chat, besides those of its rooms. Each has its name as `type`. Names of frames of the protocol stand for the same
 * here.
 */
export interface ChatEvents<Meta = AnyMeta> {
  /** The state has changed. */
  state: { type: 'state'; state: ChatState }
  /** A message, edit, deletion or reaction in any of the user's direct-message rooms. */
  direct: DirectEvent<Meta>
  /**
   * After each connection: the direct-message rooms with the newest messages, 200 at most, the newest first. Listeners of
   * `direct` also get the messages that new users sent during an absence.
   */
  conversations: { type: 'conversations'; conversations: readonly Conversation[] }
  /** One of the user's conversations has changed. Comes once `createConversations` has asked for changes. */
  conversation: ServerFrames['conversation']
  /** A room among the conversations has new messages. Comes as `conversation` does. */
  activity: ServerFrames['activity']
  /** A message in a room that is not joined mentions the user. */
  mention: ServerFrames['mention']
  /** The read positions of a room are not shown any more. Comes once `followReceipts` has asked for them, as does `read`. */
  receipts: ServerFrames['receipts']
  /** Others have read on in a room. */
  read: ServerFrames['read']
  /** The presence of people has changed. Comes once `createPeople` follows them. */
  people: ServerFrames['people']
  /** The user has changed what others may see: see `setPrivacy`. */
  privacy: ServerFrames['privacy']
  /** A message of the system to this user alone. */
  notice: { type: 'notice'; message: Message<Meta>; replayed: boolean }
  /** A message of the system to all users. */
  announcement: { type: 'announcement'; message: Message<Meta>; replayed: boolean }
}

/** Message, edit, deletion or reaction in a room of direct messages. */
export interface DirectEvent<Meta = AnyMeta> {
  type: 'direct'
  event: ChatEvent<Meta>
  /** Name of the room, `dm:<a>:<b>`. */
  room: string
  /** Id of the other user. */
  peer: string
  /** Whether the event is older than this session's knowledge of the room. */
  replayed: boolean
}

/**
 * Events are missing here: after the event `after`, if there is one, and before `before`, if that is known. History has them,
 * unless it lost them (`lost`). `slow-reader` concerns only the `for await` that gets it.
 */
export interface Gap {
  type: 'gap'
  after?: string | undefined
  before?: string | undefined
  reason: 'too-many' | 'slow-reader' | 'lost' | 'unknown'
}

/**
 * Events of a room. Each `message`, `edit`, `delete` and `reaction` comes once, in the order of the log. A `gap` marks each place where
 * events are missing.
 */
export interface RoomEvents<Meta = AnyMeta> {
  /** The state of this session in the room has changed. */
  state: { type: 'state'; state: RoomState }
  message: { type: 'message'; message: Message<Meta>; replayed: boolean }
  /** `message` is the edited message, if it is among the room's `messages`. */
  edit: { type: 'edit'; change: EditEvent; message?: Message<Meta> | undefined; replayed: boolean }
  delete: { type: 'delete'; change: DeleteEvent; message?: Message<Meta> | undefined; replayed: boolean }
  /**
   * A user reacted to a message, or took that back. `message` has the reactions after it, if it is among the room's `messages` and
   * the SDK has loaded its later part.
   */
  reaction: {
    type: 'reaction'
    change: ReactionEvent
    message?: Message<Meta> | undefined
    replayed: boolean
  }
  /**
   * Entered the room, for the first time or again. `events` is the number of events in the gateway's reply. If not `complete`,
   * the first time: history has older events. Later: more was missed than the gateway replays, and history has the rest. Changes
   * of messages from before the absence may then be missing: reload the messages that stay visible.
   */
  joined: { type: 'joined'; complete: boolean; count: number; capacity?: number | undefined; events: number }
  /** Removed from the room, or not admitted. With `retry` the client tries again automatically. */
  left: { type: 'left'; code: ChatErrorCode; reason: string; retry: boolean }
  /** Users who came and left; in large rooms a sample. `count` is exact. */
  presence: { type: 'presence'; joined: Member[]; left: User[]; count: number }
  /** The list of users in the room has changed. It is kept up to date while this event has a listener. */
  members: { type: 'members'; members: MemberList }
  /** Data that an application sent to the members of the room: see `sendSignal`. */
  signal: { type: 'signal'; room: string; from: User; name: string; data?: unknown }
  /** The others who are typing now. */
  typing: { type: 'typing'; users: readonly User[] }
  gap: Gap
}

/** Any event of a chat, as `for await` gets it. */
export type ChatEventOf<Meta = AnyMeta> = ChatEvents<Meta>[keyof ChatEvents] | Gap
/** Any event of a room, as `for await` gets it. */
export type RoomEvent<Meta = AnyMeta> = RoomEvents<Meta>[keyof RoomEvents]
/** Names of the events of a room. */
export type RoomEventType = keyof RoomEvents

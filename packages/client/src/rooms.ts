import type { Member } from '@rabble/contract'
import type { Requester } from './requester.ts'

/** Room as the server describes it. */
export interface RoomInfo {
  name: string
  topic: string
  /** `invite`: only for invited users, the owner and moderators. */
  access: 'open' | 'invite'
  /** Maximum number of users at a time; undefined: any number. */
  capacity?: number
  /** Whether a user may be in it with one session only. */
  single: boolean
  /** Whether the system announces joins and leaves as messages. */
  announce: boolean
  /** Whether the members see how far the others have read, while they are at most 100. */
  receipts: boolean
  /** Whether every member may mention `@room` and `@here`, and not the owner and moderators alone. */
  mentionAll: boolean
  /** Limits of the messages that history keeps; undefined: those of all rooms. */
  retention?: Retention
  /** Number of users in the room. */
  count: number
  /** Id of the owner, if there is one. */
  createdBy?: string
  createdAt: string
}

/** Age and number of the messages that history keeps. */
export interface Retention {
  days?: number
  messages?: number
}

/** Settings of a room. The server decides on those that are not given. */
export interface RoomSettings {
  topic?: string
  access?: 'open' | 'invite'
  capacity?: number
  single?: boolean
  announce?: boolean
  receipts?: boolean
  mentionAll?: boolean
  retention?: Retention
}

/** Changes of a room: `null` takes a limit away. */
export type RoomChanges = Omit<RoomSettings, 'capacity' | 'retention'> & {
  capacity?: number | null
  retention?: Retention | null
}

/** Rooms to list, their order, and the position of a page. */
export interface ListRoomsOptions {
  /** Parts of words that must stand in name or topic. */
  q?: string
  /** Default: `name`. `users`: the rooms with most users first. */
  sort?: 'name' | 'users'
  /** Number of rooms, 1 to 200. Default: 50. */
  limit?: number
  /** `next` of the page before. */
  after?: string
}

/** Lists the rooms that the user may enter. Without `next` there are no more. @throws ChatError */
export function listRooms(
  chat: Requester,
  options: ListRoomsOptions = {},
): Promise<{ rooms: RoomInfo[]; next?: string }> {
  return chat.request(['api', 'rooms'], { query: options })
}

/** Returns one room. @throws ChatError, such as `room-not-found` or `forbidden` */
export function getRoom(chat: Requester, name: string): Promise<RoomInfo> {
  return chat.request(['api', 'rooms', name])
}

/** Creates a room, which then belongs to the user. @throws ChatError, such as `room-exists` */
export function createRoom(chat: Requester, name: string, settings: RoomSettings = {}): Promise<RoomInfo> {
  return chat.request(['api', 'rooms'], { method: 'POST', body: { ...settings, name } })
}

/** Changes the given settings. For the owner and moderators. @throws ChatError */
export function changeRoom(chat: Requester, name: string, changes: RoomChanges): Promise<RoomInfo> {
  return chat.request(['api', 'rooms', name], { method: 'PATCH', body: changes })
}

/** Deletes a room, and puts its users out. Its messages stay in history. @throws ChatError */
export function deleteRoom(chat: Requester, name: string): Promise<void> {
  return chat.request(['api', 'rooms', name], { method: 'DELETE' })
}

/** Invites a user into a room. @throws ChatError */
export function inviteUser(chat: Requester, room: string, user: string): Promise<void> {
  return chat.request(['api', 'rooms', room, 'invitations', user], { method: 'PUT' })
}

/** Takes an invitation back, and puts the user out of a room for invited users. @throws ChatError */
export function uninviteUser(chat: Requester, room: string, user: string): Promise<void> {
  return chat.request(['api', 'rooms', room, 'invitations', user], { method: 'DELETE' })
}

/** Lists the users in a room with their roles, in the order of their ids, also of rooms that are not joined. @throws ChatError */
export function listMembers(
  chat: Requester,
  room: string,
  options: { limit?: number; after?: string } = {},
): Promise<{ users: Member[]; count: number; hasMore: boolean }> {
  return chat.request(['api', 'rooms', room, 'members'], { query: options })
}

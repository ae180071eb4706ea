/**
 * Names and ids of the protocol. `:` is reserved: it separates the parts of rooms that exist without being created.
 */

const roomName = /^[\p{L}\p{M}\p{N}._-](?:[\p{L}\p{M}\p{N}._ -]{0,62}[\p{L}\p{M}\p{N}._-])?$/u
const userId = /^[A-Za-z0-9._-]{1,64}$/
const userName = /^[^\p{C}\p{Zl}\p{Zp}]{1,64}$/u

/** Events in this room go to every session of every gateway. */
export const everybody = '*'

/** The id of messages that no user sent. Not a valid id for a user. */
export const systemUser = { id: 'system', name: 'System' } as const

/** 1 to 64 letters, digits, `.`, `_`, `-` or inner spaces of any script, in Unicode normalisation form C. */
export function isRoomName(room: string): boolean {
  return room.length <= 128 && roomName.test(room) && room.normalize('NFC') === room
}

/** 1 to 64 of `A-Z a-z 0-9 . _ -`, and not the system's. */
export function isUserId(id: string): boolean {
  return userId.test(id) && id !== systemUser.id
}

/**
 * 1 to 64 characters without control or formatting characters, not starting or ending with a space, in NFC, and not the
 * system's name.
 */
export function isUserName(name: string): boolean {
  if (name.length > 128 || !userName.test(name) || name.trim() !== name) return false
  return name.normalize('NFC') === name && name.toLowerCase() !== systemUser.name.toLowerCase()
}

/** The room of the direct messages between two users (or of a user with itself): `dm:<a>:<b>`, ids sorted. */
export function directRoom(a: string, b: string): string {
  return a < b ? `dm:${a}:${b}` : `dm:${b}:${a}`
}

/** The room of what is for one user alone. */
export function userRoom(id: string): string {
  return `user:${id}`
}

export type RoomKind =
  | { kind: 'room' }
  | { kind: 'direct'; users: readonly [string, string] }
  | { kind: 'user'; user: string }
  | { kind: 'everybody' }

/** What a room's name says about who gets its events; undefined if it is no valid name of any kind. */
export function roomKind(room: string): RoomKind | undefined {
  if (room === everybody) return { kind: 'everybody' }
  if (!room.includes(':')) return isRoomName(room) ? { kind: 'room' } : undefined
  const [prefix, a = '', b = '', ...rest] = room.split(':')
  if (rest.length > 0 || !isUserId(a)) return undefined
  if (prefix === 'user') return b === '' && room === userRoom(a) ? { kind: 'user', user: a } : undefined
  if (prefix === 'dm') return isUserId(b) && a <= b ? { kind: 'direct', users: [a, b] } : undefined
  return undefined
}

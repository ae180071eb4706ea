/**
 * Names and ids of the protocol. `:` is reserved: it separates the parts of rooms that exist without being created.
 */

const roomName = /^[\p{L}\p{M}\p{N}._-](?:[\p{L}\p{M}\p{N}._ -]{0,62}[\p{L}\p{M}\p{N}._-])?$/u
/** Letters and marks too, such as the Hangul filler U+3164 and the variation selector U+FE0F. */
const ignorable = /\p{Default_Ignorable_Code_Point}/u
/**
 * Something that can be seen. Besides what is ignorable, a space or a control character, these are blank: the empty Braille
 * pattern, the null notehead, and the three marks of interlinear annotations.
 */
const visible = /[^\p{Default_Ignorable_Code_Point}\p{Z}\p{Cc}\u2800\u{1d159}\ufff9-\ufffb]/u
/** As segments of a path they lead elsewhere, however they are encoded (URL Standard, "double-dot URL path segment"). */
const dots: ReadonlySet<string> = new Set(['.', '..'])
const userId = /^[A-Za-z0-9._-]{1,64}$/
const userName = /^[^\p{C}\p{Zl}\p{Zp}]{1,64}$/u

/** Events in this room go to every session of every gateway. */
export const everybody = '*'

/** The id of messages that no user sent. Not a valid id for a user. */
export const systemUser = { id: 'system', name: 'System' } as const

/** Whether a text shows anything. One of spaces, fillers and control characters only looks like an empty one. */
export function isVisible(text: string): boolean {
  return visible.test(text)
}

/**
 * 1 to 64 letters, digits, `.`, `_`, `-` or inner spaces of any script, in Unicode normalisation form C, none of them
 * invisible; not `.` or `..`.
 */
export function isRoomName(room: string): boolean {
  if (room.length > 128 || !roomName.test(room) || dots.has(room)) return false
  return !ignorable.test(room) && room.normalize('NFC') === room
}

/** The message for a name that is refused. */
export const roomNameRule =
  'a room name has 1 to 64 letters, digits, dots, underscores, hyphens or inner spaces, in NFC, all of which can be seen, and is not . or ..'

/** 1 to 64 of `A-Z a-z 0-9 . _ -`, and not the system's; not `.` or `..`. */
export function isUserId(id: string): boolean {
  return userId.test(id) && id !== systemUser.id && !dots.has(id)
}

/**
 * A name as one segment of a path of a URL.
 * @throws RangeError for the empty one, `.` and `..`, which lead elsewhere; URIError for what is no Unicode
 */
export function pathSegment(name: string): string {
  if (name === '' || dots.has(name)) throw new RangeError(`${JSON.stringify(name)} can not stand in a path`)
  return encodeURIComponent(name)
}

/**
 * 1 to 64 characters without control or formatting characters, at least one of which can be seen, not starting or ending
 * with a space, in NFC, and not the system's name.
 */
export function isUserName(name: string): boolean {
  if (name.length > 128 || !userName.test(name) || name.trim() !== name || !isVisible(name)) return false
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

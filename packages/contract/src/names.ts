/** Names and ids of the protocol. `:` is reserved: it separates the parts of the names of built-in rooms. */

const roomName = /^[\p{L}\p{M}\p{N}._-](?:[\p{L}\p{M}\p{N}._ -]{0,62}[\p{L}\p{M}\p{N}._-])?$/u
/** Invisible characters. They include letters and marks, such as the Hangul filler U+3164 and the variation selector U+FE0F. */
const ignorable = /\p{Default_Ignorable_Code_Point}/u
/**
 * Visible characters. Besides ignorable, space and control characters, these are blank: the empty Braille pattern, the null
 * notehead, and the three marks of interlinear annotations.
 */
const visible = /[^\p{Default_Ignorable_Code_Point}\p{Z}\p{Cc}\u2800\u{1d159}\ufff9-\ufffb]/u
/** Path segments that URL parsers resolve in any encoding (URL Standard, "double-dot URL path segment"). */
const dots: ReadonlySet<string> = new Set(['.', '..'])
const userId = /^[A-Za-z0-9._-]{1,64}$/
const userName = /^[^\p{C}\p{Zl}\p{Zp}]{1,64}$/u

/** Room of all sessions of all gateways. */
export const everybody = '*'

/** Author of messages that no user sent. Its id is not valid for a user. */
export const systemUser = { id: 'system', name: 'System' } as const

/** Name that stands in place of the name of a user who was erased. Nobody needs to be kept from it. */
export const erasedUserName = 'Deleted user'

/** Whether a text has a visible character, besides spaces, fillers and control characters. */
export function isVisible(text: string): boolean {
  return visible.test(text)
}

/**
 * Whether the name is valid: 1 to 64 letters, digits, `.`, `_`, `-` or inner spaces of any script, in Unicode normalisation form
 * C, none of them invisible; not `.` or `..`.
 */
export function isRoomName(room: string): boolean {
  if (room.length > 128 || !roomName.test(room) || dots.has(room)) return false
  return !ignorable.test(room) && room.normalize('NFC') === room
}

/** Error message for a refused name. */
export const roomNameRule =
  'a room name has 1 to 64 letters, digits, dots, underscores, hyphens or inner spaces, in NFC, all of which can be seen, and is not . or ..'

/** Whether the id is valid: 1 to 64 of `A-Z a-z 0-9 . _ -`; not the system's, `.` or `..`. */
export function isUserId(id: string): boolean {
  return userId.test(id) && id !== systemUser.id && !dots.has(id)
}

/**
 * Encodes a name as one segment of a URL's path.
 * @throws RangeError for an empty name, `.` and `..`, which URL parsers resolve; URIError for malformed Unicode
 */
export function pathSegment(name: string): string {
  if (name === '' || dots.has(name)) throw new RangeError(`${JSON.stringify(name)} can not stand in a path`)
  return encodeURIComponent(name)
}

/**
 * Whether the name is valid: 1 to 64 characters without control or formatting characters, at least one of them visible, no space
 * at the start or end, in NFC, and not the system's name.
 */
export function isUserName(name: string): boolean {
  if (name.length > 128 || !userName.test(name) || name.trim() !== name || !isVisible(name)) return false
  return name.normalize('NFC') === name && name.toLowerCase() !== systemUser.name.toLowerCase()
}

/** Returns the direct-message room of two users (or of a user with itself): `dm:<a>:<b>`, ids sorted. */
export function directRoom(a: string, b: string): string {
  return a < b ? `dm:${a}:${b}` : `dm:${b}:${a}`
}

/** Returns the room of the messages to one user alone. */
export function userRoom(id: string): string {
  return `user:${id}`
}

export type RoomKind =
  | { kind: 'room' }
  | { kind: 'direct'; users: readonly [string, string] }
  | { kind: 'user'; user: string }
  | { kind: 'everybody' }

/** Returns the kind of a room, which determines the readers of its events; undefined if the name is invalid. */
export function roomKind(room: string): RoomKind | undefined {
  if (room === everybody) return { kind: 'everybody' }
  if (!room.includes(':')) return isRoomName(room) ? { kind: 'room' } : undefined
  const [prefix, a = '', b = '', ...rest] = room.split(':')
  if (rest.length > 0 || !isUserId(a)) return undefined
  if (prefix === 'user') return b === '' && room === userRoom(a) ? { kind: 'user', user: a } : undefined
  if (prefix === 'dm') return isUserId(b) && a <= b ? { kind: 'direct', users: [a, b] } : undefined
  return undefined
}

import { hash, randomBytes } from 'node:crypto'

/*
 * The hashed text begins with the id of a sender and NUL or, for everything but messages, with a word and a colon, which no id of
 * a user has. So the ids of two kinds never collide, whatever the names of users, rooms and cids are. The parts must be
 * well-formed Unicode, since half a surrogate pair would be hashed like any other half.
 */

/**
 * Returns the id of a message: the first 128 bits of a SHA-256 over sender, room and cid, as 22 characters of base64url. A
 * message that is sent again, over any gateway, gets the same id, and every reader keeps the first. The room is part of it, so
 * that a client that reuses a cid in another room doesn't lose a message.
 */
export function eventId(sender: string, room: string, cid: string): string {
  return digest(`${sender}\0${room}\0${cid}`)
}

/** Returns the id of a message of the system that a user publishes. */
export function noticeId(publisher: string, room: string, cid: string): string {
  return eventId(`system:${publisher}`, room, cid)
}

/** Returns the id of an edit, built in the same way. */
export function editId(sender: string, room: string, message: string, cid: string): string {
  return digest(`edit:\0${sender}\0${room}\0${message}\0${cid}`)
}

/** Returns the id of a deletion. It doesn't depend on the user: a message is deleted once. */
export function deleteId(room: string, message: string): string {
  return digest(`delete:\0${room}\0${message}`)
}

/** Returns the id of a reaction. `revision`: see `ReactionEvent`. */
export function reactionId(
  sender: string,
  room: string,
  message: string,
  emoji: string,
  revision: number,
): string {
  return digest(`reaction:\0${sender}\0${room}\0${message}\0${emoji}\0${revision}`)
}

/**
 * Returns the id of a guest with a name and no token. The same name (after normalisation and case folding) is the same guest, so
 * that a client that reconnects through another gateway can send unacknowledged messages again.
 */
export function guestId(name: string): string {
  return `guest-${digest(`guest\0${name.normalize('NFKC').toLowerCase()}`).slice(0, 16)}`
}

/** Returns the id of a new guest with a name. Nobody can guess it, and it doesn't reveal the name. */
export function newGuestId(): string {
  return `guest-${randomBytes(12).toString('base64url')}`
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}

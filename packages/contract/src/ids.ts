import { createHash, randomBytes } from 'node:crypto'

/*
 * The hashed text begins with the id of a sender and NUL or, for everything but messages, with a word and a colon, which no
 * id of a user has: so no two kinds have an id in common, whatever users, rooms and cids are called. The parts must be
 * well-formed Unicode, as half a surrogate pair would be hashed like any other half.
 */

/**
 * The id of a message: the first 128 bits of a SHA-256 over sender, room and cid, as 22 characters of base64url.
 * Whoever sends the same message again, over whichever gateway, gets the same id, and every reader keeps the first.
 * The room is part of it so that a client that reuses a cid in another room doesn't lose a message.
 */
export function eventId(sender: string, room: string, cid: string): string {
  return digest(`${sender}\0${room}\0${cid}`)
}

/** The id of what the system tells on behalf of a user. */
export function noticeId(publisher: string, room: string, cid: string): string {
  return eventId(`system:${publisher}`, room, cid)
}

/** The id of an edit, by the same idea. */
export function editId(sender: string, room: string, message: string, cid: string): string {
  return digest(`edit:\0${sender}\0${room}\0${message}\0${cid}`)
}

/** The id of a deletion: whoever deletes it and however often, a message is deleted once. */
export function deleteId(room: string, message: string): string {
  return digest(`delete:\0${room}\0${message}`)
}

/**
 * The id of a guest who has a name and no token: the same name (after normalisation and case folding) is the same
 * guest, so that a client that comes back to another gateway can send again what was not acknowledged.
 */
export function guestId(name: string): string {
  return `guest-${digest(`guest\0${name.normalize('NFKC').toLowerCase()}`).slice(0, 16)}`
}

/** The id of a new guest who holds a name: nobody can guess it, and it says nothing about the name. */
export function newGuestId(): string {
  return `guest-${randomBytes(12).toString('base64url')}`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

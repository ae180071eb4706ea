import { roomKind } from '@rabble/contract'
import { restored } from '../text/storable.ts'
import { termsOf } from '../text/words.ts'

/*
 * A message is indexed as a tsvector: its words with their positions and, without positions, other terms by which it is found.
 * Those begin with a colon, which no word has, so that the index itself finds "this word, in this room".
 */

/** Term of messages that everybody may read. */
export const forAll = quote(':all')

/** Returns the term of messages for one user: direct messages and those of `user:` rooms. */
export function forUser(id: string): string {
  return quote(`:for ${id}`)
}

export function inRoom(room: string): string {
  return quote(`:in ${room}`)
}

export function fromSender(id: string): string {
  // A lexeme has at most 2,046 bytes, and an id made by another program may be any string.
  return quote(`:from ${id.slice(0, 500).replace(/[\ud800-\udbff]$/, '')}`)
}

/** Returns a lexeme in the syntax of tsvector and tsquery. */
export function quote(lexeme: string): string {
  return `'${lexeme.replace(/['\\]/g, '$&$&')}'`
}

/** Returns the tsvector of a message, whose strings are in their stored form. */
export function documentOf(row: { room: string; sender_id: string; text: string }): string {
  // A term has nothing that must be escaped: it is made of letters, digits and emoji.
  const words = termsOf(restored(row.text)).map((term, index) => `'${term}':${index + 1}`)
  return [...words, inRoom(row.room), fromSender(row.sender_id), ...readersOf(row.room)].join(' ')
}

function readersOf(room: string): string[] {
  const kind = roomKind(restored(room))
  switch (kind?.kind) {
    case undefined:
      return []
    case 'direct':
      return kind.users.map(forUser)
    case 'user':
      return [forUser(kind.user)]
    case 'room':
    case 'everybody':
      return [forAll]
    default:
      return kind satisfies never
  }
}

/*
 * Rooms are found by any part of their name or topic, as people type it into a search box. PostgreSQL folds letters by
 * the locale of its database, and PGlite by none, so we do it; the index is over pieces of the folded text (`rooms.pieces`).
 */

/** How a search compares a room: case and forms of the same letter don't matter. No word goes beyond the line. */
export function foldedOf(name: string, topic: string): string {
  return `${folded(name)}\n${folded(topic)}`
}

export interface Search {
  /** Each must stand in name or topic. */
  words: string[]
  /** What the index must find for that. */
  pieces: string[]
}

const most = 8

/** What a query asks for; without words it asks for all rooms. Of many words the first eight count. */
export function searchOf(query: string): Search {
  const words = folded(query)
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, most)
  return { words, pieces: [...new Set(words.flatMap(piecesOf))] }
}

/** Three characters each; of a shorter word it is the word. */
function piecesOf(word: string): string[] {
  const characters = [...word]
  const size = Math.min(3, characters.length)
  return Array.from({ length: characters.length - size + 1 }, (_, first) =>
    characters.slice(first, first + size).join(''),
  )
}

function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC')
}

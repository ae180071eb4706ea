/*
 * Rooms are found by any part of their name or topic, as typed into a search box. PostgreSQL folds letters by the locale of its
 * database, and PGlite by none, so this code folds them. The index is over pieces of the folded text (`rooms.pieces`).
 */

/** Returns the text to search in, without differences of case or letter form. No word spans both of its lines. */
export function foldedOf(name: string, topic: string): string {
  return `${folded(name)}\n${folded(topic)}`
}

export interface Search {
  /** Words of which each must be in name or topic. */
  words: string[]
  /** Pieces of the words, for the index. */
  pieces: string[]
}

const most = 8

/** Parses a query. Without words it matches all rooms. Only the first eight words count. */
export function searchOf(query: string): Search {
  const words = folded(query)
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, most)
  return { words, pieces: [...new Set(words.flatMap(piecesOf))] }
}

/** Returns the pieces of a word: three characters each. A shorter word is one piece. */
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

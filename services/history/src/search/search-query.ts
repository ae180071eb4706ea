import { RabbleError } from '@rabble/contract'
import { maxWords, type Word, wordsOf } from '../text/words.ts'
import { quote } from './search-document.ts'

/** Terms that must follow each other directly. */
export type Phrase = { term: string; prefix: boolean; unspaced: boolean }[]

/** A parsed search. A text must contain all of `wanted` and nothing of `unwanted`. */
export interface SearchQuery {
  wanted: Phrase[]
  unwanted: Phrase[]
}

const most = 16
const piece = /(-?)(?:"([^"]*)"?|(\S+))/g

/**
 * Parses a search: `word`, `"several words"` in this order, `begin*` of a word, and `-` before any of them for what must be
 * absent.
 * @throws RabbleError `bad-frame` if there is no word to search for, or too many
 */
export function parseQuery(text: string): SearchQuery {
  const query: SearchQuery = { wanted: [], unwanted: [] }
  let terms = 0
  for (const [, minus, quoted, plain = ''] of text.matchAll(piece)) {
    const phrase = phraseOf(wordsOf(quoted ?? plain), quoted === undefined && plain.endsWith('*'))
    if (phrase.length === 0) continue
    terms += phrase.length
    query[minus === '-' ? 'unwanted' : 'wanted'].push(phrase)
  }
  if (query.wanted.length === 0) throw new RabbleError('bad-frame', 'q must hold a word to search for')
  // Characters of scripts without spaces count as half a word.
  if (query.wanted.length + query.unwanted.length > most || terms > 2 * most) {
    throw new RabbleError('bad-frame', `q must not hold more than ${most} words`)
  }
  return query
}

function phraseOf(words: Word[], open: boolean): Phrase {
  return words.flatMap(({ term, unspaced, end, reach }, index) => {
    const single = unspaced && end === reach
    // The last character of a run is in the pair before it. A character that is alone begins a pair, or ends a run.
    if (single && words[index - 1]?.reach === end) return []
    // Too many words begin with the same letter.
    const prefix = single || (open && index === words.length - 1 && !unspaced && term.length > 1)
    return { term, unspaced, prefix }
  })
}

/** Returns a phrase in the syntax of tsquery. */
export function tsqueryOf(phrase: Phrase): string {
  return `(${phrase.map(({ term, prefix }) => quote(term) + (prefix ? ':*' : '')).join(' <-> ')})`
}

/** Returns where a text contains phrases: ranges in UTF-16 units, ascending. */
export function rangesOf(
  words: readonly Word[],
  phrases: readonly Phrase[],
): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = []
  for (const phrase of phrases) {
    for (let first = 0; first + phrase.length <= Math.min(words.length, maxWords); first++) {
      const found = phrase.flatMap(({ term, prefix, unspaced }, index) => {
        const word = words[first + index]
        if (word === undefined || !(prefix ? word.term.startsWith(term) : word.term === term)) return []
        return { start: word.start, end: unspaced && prefix ? word.end : word.reach }
      })
      if (found.length === phrase.length) ranges.push(...found)
    }
  }
  return ranges.sort((a, b) => a.start - b.start)
}

import { type Graphemes, graphemesOf } from '../text/graphemes.ts'
import { type Word, wordsOf } from '../text/words.ts'
import type { SearchQuery } from './search-query.ts'
import { rangesOf } from './search-query.ts'

/** A part of a text, and whether it matches the search. */
export interface SnippetPart {
  text: string
  match: boolean
}

/** Maximum number of visible characters of a snippet, and of those before the first match. */
const longest = 200
const lead = 60

/**
 * Returns the part of a text that holds the first match, as it was written, with `…` where it was cut. No character is divided:
 * if a match is a part of one, such as one person of a family emoji, the whole character is marked.
 */
export function snippetOf(text: string, query: SearchQuery): SnippetPart[] {
  const words = wordsOf(text)
  const graphemes = graphemesOf(text)
  const ranges = rangesOf(words, query.wanted)
  const [start, end] = windowOf(text, graphemes, words, graphemes.begin(ranges[0]?.start ?? 0))
  const parts: SnippetPart[] = []
  if (start > 0) append(parts, '…', false)
  let at = start
  for (const range of ranges) {
    // Ranges may overlap: two words with the same beginning, neighbouring pairs, two people of one family.
    if (range.end <= at) continue
    if (range.start >= end) break
    const from = Math.max(at, graphemes.begin(range.start))
    const to = Math.min(end, graphemes.end(range.end))
    append(parts, text.slice(at, from), false)
    append(parts, text.slice(from, to), true)
    at = to
  }
  append(parts, text.slice(at, end), false)
  if (end < text.length) append(parts, '…', false)
  return parts
}

/** Returns the bounds of a snippet, at the beginning and end of words if possible. */
function windowOf(
  text: string,
  graphemes: Graphemes,
  words: readonly Word[],
  first: number,
): [number, number] {
  const { begin, end, after, before } = graphemes
  const wanted = Math.min(before(first, lead), before(text.length, longest))
  const start =
    wanted === 0 ? 0 : Math.min(first, begin(words.find((word) => word.start >= wanted)?.start ?? first))
  const limit = after(start, longest)
  if (limit === text.length) return [start, limit]
  const last = words.findLast((word) => word.end <= limit && word.end > first)
  return [start, last === undefined ? limit : end(last.end)]
}

function append(parts: SnippetPart[], text: string, match: boolean): void {
  if (text === '') return
  const last = parts.at(-1)
  if (last?.match === match) last.text += text
  else parts.push({ text, match })
}

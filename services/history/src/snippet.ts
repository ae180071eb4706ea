import type { SearchQuery } from './search-query.ts'
import { rangesOf } from './search-query.ts'
import { wordsOf } from './words.ts'

/** A piece of a text, and whether it is what was searched for. */
export interface SnippetPart {
  text: string
  match: boolean
}

/** UTF-16 units: how much of a text is shown, and how much of that before the first match. */
const longest = 200
const lead = 60

/** The part of a text that holds the first match, as it was written; `…` stands where it was cut. */
export function snippetOf(text: string, query: SearchQuery): SnippetPart[] {
  const words = wordsOf(text)
  const ranges = rangesOf(words, query.wanted)
  const [start, end] = windowOf(text, words, ranges[0]?.start ?? 0)
  const parts: SnippetPart[] = []
  if (start > 0) append(parts, '…', false)
  let at = start
  for (const range of ranges) {
    // Ranges may overlap: two words that begin alike, neighbouring pairs.
    const from = Math.max(at, range.start)
    const to = Math.min(end, range.end)
    if (from >= to) continue
    append(parts, text.slice(at, from), false)
    append(parts, text.slice(from, to), true)
    at = to
  }
  append(parts, text.slice(at, end), false)
  if (end < text.length) append(parts, '…', false)
  return parts
}

/** From the beginning of a word to the end of one, if there is any to be had. */
function windowOf(
  text: string,
  words: readonly { start: number; end: number }[],
  first: number,
): [number, number] {
  if (text.length <= longest) return [0, text.length]
  const wanted = Math.min(first - lead, text.length - longest)
  const start = wanted <= 0 ? 0 : Math.min(first, words.find((word) => word.start >= wanted)?.start ?? first)
  const limit = start + longest
  if (limit >= text.length) return [start, text.length]
  const last = words.findLast((word) => word.end <= limit && word.end > first)
  return [start, last?.end ?? whole(text, limit)]
}

/** Not between the two units of one character. */
function whole(text: string, index: number): number {
  const unit = text.charCodeAt(index)
  return unit >= 0xdc00 && unit <= 0xdfff ? index - 1 : index
}

function append(parts: SnippetPart[], text: string, match: boolean): void {
  if (text === '') return
  const last = parts.at(-1)
  if (last?.match === match) last.text += text
  else parts.push({ text, match })
}

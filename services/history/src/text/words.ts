/** A word of a text, or two neighbouring characters of a script that is written without spaces. */
export interface Word {
  /** Form for comparison: NFKC, in lower case. */
  term: string
  /** Position in the text, in UTF-16 units. Of two characters, only the first one counts. */
  start: number
  end: number
  /** End of both characters. */
  reach: number
  /** Whether the script has no spaces. The next character of the same run then begins the next word. */
  unspaced: boolean
}

/** Longer terms are cut, and further words of a text left out: a tsvector holds 1 MiB, and positions go up to 16,383. */
const longestTerm = 64
export const maxWords = 4_000

// Script extensions, since the mark for long vowels belongs to two scripts. They include punctuation, which does not count.
const scripts = ['Han', 'Hira', 'Kana', 'Bopo', 'Yiii', 'Thai', 'Laoo', 'Khmr', 'Mymr', 'Tibt']
const unspaced = `(?=[\\p{L}\\p{M}\\p{N}])[${scripts.map((script) => `\\p{scx=${script}}`).join('')}]`
// Flags of countries are pairs of special letters. Flags of their parts are a black flag followed by tags. The parts of other
// emoji are separate words, so that 👍 finds 👍🏽, and one person finds the family.
const emoji =
  '\\p{Regional_Indicator}{1,2}|\\p{Extended_Pictographic}[\\u{e0020}-\\u{e007f}]*|[#*]\\ufe0f?\\u20e3'
const pattern = new RegExp(
  `((?:${unspaced})+)|(?!${unspaced})[\\p{L}\\p{N}](?:(?!${unspaced})[\\p{L}\\p{M}\\p{N}])*|${emoji}`,
  'gu',
)
/** Half of all texts are ASCII, for which this is ten times as fast. */
const ascii = /^[\0-\x7f]*$/
const asciiWord = /[a-z0-9]+/gi
/** A character, with the marks for voiced sounds, which are separate characters in half-width Katakana. */
const unit = /.[\uff9e\uff9f]?/gsu

/**
 * Returns the words of a text, in order. A word is a run of letters and digits or an emoji. In scripts without spaces, each two
 * neighbouring characters are a word, and so is the last character of a run.
 */
export function wordsOf(text: string): Word[] {
  const isAscii = ascii.test(text)
  const words: Word[] = []
  for (const match of text.matchAll(isAscii ? asciiWord : pattern)) {
    const [found, run] = match
    if (run !== undefined) words.push(...pairsOf(run, match.index))
    else words.push(wordOf(isAscii ? found.toLowerCase() : normal(found), found.length, match.index))
    if (words.length >= maxWords) return words.slice(0, maxWords)
  }
  return words
}

/** Returns the terms of the words of a text, in order. */
export function termsOf(text: string): string[] {
  if (!ascii.test(text)) return wordsOf(text).map(({ term }) => term)
  return (text.toLowerCase().match(asciiWord) ?? []).slice(0, maxWords).map(cut)
}

function wordOf(term: string, length: number, start: number): Word {
  const end = start + length
  return { term: cut(term), start, end, reach: end, unspaced: false }
}

function pairsOf(run: string, offset: number): Word[] {
  const units = [...run.matchAll(unit)].map(({ 0: text, index }) => ({
    term: normal(text),
    start: offset + index,
    end: offset + index + text.length,
  }))
  return units.map(({ term, start, end }, index) => {
    const next = units[index + 1]
    return { term: term + (next?.term ?? ''), start, end, reach: next?.end ?? end, unspaced: true }
  })
}

function normal(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC')
}

/** Cuts a term, but not within a surrogate pair: PostgreSQL would refuse half of one. */
function cut(term: string): string {
  return term.length <= longestTerm ? term : term.slice(0, longestTerm).replace(/[\ud800-\udbff]$/, '')
}

/** A word of a text, or two neighbouring characters of a script that is written without spaces. */
export interface Word {
  /** As it is compared: NFKC, in small letters. */
  term: string
  /** Where it is in the text, in UTF-16 units; of two characters, the first one. */
  start: number
  end: number
  /** The end of both characters. */
  reach: number
  /** Whether it is of a script without spaces; then what follows in the same run is the next word. */
  unspaced: boolean
}

/** Longer terms are cut, and further words of a text left out: a tsvector holds 1 MiB, a position goes to 16,383. */
const longestTerm = 64
export const maxWords = 4_000

// Script extensions, since the mark for long vowels belongs to two scripts. They have punctuation too: only letters count.
const scripts = ['Han', 'Hira', 'Kana', 'Bopo', 'Yiii', 'Thai', 'Laoo', 'Khmr', 'Mymr', 'Tibt']
const unspaced = `(?=[\\p{L}\\p{M}\\p{N}])[${scripts.map((script) => `\\p{scx=${script}}`).join('')}]`
// The flags of countries are pairs of letters of their own, those of their parts a black flag with tags behind it. The parts of
// other emoji are words one by one, so that 👍 finds 👍🏽, and one person the family.
const emoji =
  '\\p{Regional_Indicator}{1,2}|\\p{Extended_Pictographic}[\\u{e0020}-\\u{e007f}]*|[#*]\\ufe0f?\\u20e3'
const pattern = new RegExp(
  `((?:${unspaced})+)|(?!${unspaced})[\\p{L}\\p{N}](?:(?!${unspaced})[\\p{L}\\p{M}\\p{N}])*|${emoji}`,
  'gu',
)
/** Half of all texts, and ten times as quick. */
const ascii = /^[\0-\x7f]*$/
const asciiWord = /[a-z0-9]+/gi
/** A character, with the marks for voiced sounds that are characters of their own in half-width Katakana. */
const unit = /.[\uff9e\uff9f]?/gsu

/**
 * The words of a text, in order: letters and digits of one script or another up to anything else, an emoji, or, where
 * words have no spaces between them, each two neighbouring characters, and the last one of a run alone.
 */
export function wordsOf(text: string): Word[] {
  const words: Word[] = []
  for (const match of text.matchAll(ascii.test(text) ? asciiWord : pattern)) {
    const [found, run] = match
    if (run !== undefined) words.push(...pairsOf(run, match.index))
    else words.push(wordOf(found, match.index))
    if (words.length >= maxWords) return words.slice(0, maxWords)
  }
  return words
}

function wordOf(found: string, start: number): Word {
  const end = start + found.length
  return { term: cut(normal(found)), start, end, reach: end, unspaced: false }
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

/** Not within a character of two units, which PostgreSQL would refuse. */
function cut(term: string): string {
  return term.length <= longestTerm ? term : term.slice(0, longestTerm).replace(/[\ud800-\udbff]$/, '')
}

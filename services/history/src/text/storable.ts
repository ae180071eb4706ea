/*
 * PostgreSQL's text holds any Unicode but U+0000 and lone surrogates. JSON strings, and so messages, may hold both. Such units
 * are stored as a mark and four hexadecimal digits, and so is the mark itself, so that nothing is lost. The mark is a
 * noncharacter, which Unicode keeps for such internal use (The Unicode Standard, 23.7).
 */
const mark = '\ufdd0'
const unstorable = new RegExp(`[${'\0'}${mark}\\p{Cs}]`, 'gu')
/** All but lone surrogates, for which `isWellFormed` is faster. */
const special = new RegExp(`[${'\0'}${mark}]`)
const marked = new RegExp(`${mark}([0-9a-f]{4})`, 'g')

/** Returns a form of `text` that PostgreSQL can store: nearly always the text itself. */
export function storable(text: string): string {
  if (text.isWellFormed() && !special.test(text)) return text
  return text.replace(unstorable, (unit) => mark + unit.charCodeAt(0).toString(16).padStart(4, '0'))
}

/** Returns the text that `storable` converted. */
export function restored(text: string): string {
  return text.includes(mark)
    ? text.replace(marked, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    : text
}

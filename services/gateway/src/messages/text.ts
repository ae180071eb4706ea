import { isVisible, type Limits, RabbleError } from '@rabble/contract'

/** @throws RabbleError `bad-frame` for a text without visible characters, `too-large` */
export function checkText({ type, text }: { type: string; text: string }, limits: Limits): void {
  const { textCharacters } = limits
  // A string has no more code points than UTF-16 units, so most texts need no counting.
  if (text.length > textCharacters && [...text].length > textCharacters) {
    throw new RabbleError('too-large', `a text has no more than ${textCharacters} characters`)
  }
  if (!isVisible(text)) {
    throw new RabbleError('bad-frame', `${type}: text must not be empty or consist of invisible characters`)
  }
}

/**
 * Returns the text in a form that all programs can store and show. Lone surrogates are replaced. The separators of lines and
 * paragraphs (U+2028, U+2029) become line feeds: browsers show nothing in their place, and some readers of NDJSON end a line
 * there.
 */
export function textOf({ text }: { text: string }): string {
  return text.toWellFormed().replaceAll('\u2028', '\n').replaceAll('\u2029', '\n\n')
}

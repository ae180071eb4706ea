import { type Limits, RabbleError } from '@rabble/contract'

/** @throws RabbleError `bad-frame` for an empty text, `too-large` */
export function checkText({ type, text }: { type: string; text: string }, limits: Limits): void {
  const { textCharacters } = limits
  if (text === '') throw new RabbleError('bad-frame', `${type}: text must not be empty`)
  // A string has no more code points than UTF-16 units, so most texts need no counting.
  if (text.length > textCharacters && [...text].length > textCharacters) {
    throw new RabbleError('too-large', `a text has no more than ${textCharacters} characters`)
  }
}

/** Half a surrogate pair is no Unicode: nobody could store or show it. */
export function textOf({ text }: { text: string }): string {
  return text.toWellFormed()
}

import { RabbleError } from '@rabble/contract'

/**
 * Checks a text that is shown on one line.
 * @throws RabbleError `bad-frame`
 */
export function checkLine(field: string, text: string): void {
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) {
    throw new RabbleError('bad-frame', `${field} must be one line of text without control characters`)
  }
}

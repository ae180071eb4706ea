import type { ChatErrorCode } from '@rabble/client'
import { t } from './texts.ts'

/**
 * Returns what an error or a state means, for people: the text of the page's language for its code or, without one, the English message.
 * It may lack a capital and a full stop.
 */
export function errorText(
  what: { code?: string | undefined; message?: string; reason?: string | undefined } | undefined,
): string {
  const { code, message, reason = message ?? '' } = what ?? {}
  const texts = t.problems.errors
  const isKnown = code !== undefined && texts !== undefined && Object.hasOwn(texts, code)
  return isKnown ? texts[code as ChatErrorCode](reason) : reason
}

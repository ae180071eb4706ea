import { RabbleError } from '@rabble/contract'
import type { Refusal } from '../api.ts'

/** Returns the error that tells a caller over HTTP of a refusal. */
export function refusalError({ refused: code, message, retryAfter }: Refusal): RabbleError {
  return new RabbleError(code, message, { ...(retryAfter !== undefined && { retryAfter }) })
}

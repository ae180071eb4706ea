import { ChatError, type ChatErrorCode } from './errors.ts'
import type { ResponseLike } from './options.ts'

/** Codes of answers that are not from Rabble, such as those of a proxy, by their status. */
const codes: Record<number, ChatErrorCode> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  413: 'too-large',
  429: 'rate-limited',
}

/** Returns the error that an HTTP response without success stands for. `body` is its JSON, if it has any. */
export function refusalOf({ status, headers }: ResponseLike, body: unknown): ChatError {
  const seconds = Number(headers?.get('retry-after') ?? undefined)
  const retryAfter = seconds >= 0 ? seconds * 1000 : undefined
  const { code, message } = (body ?? {}) as { code?: unknown; message?: unknown }
  if (typeof code === 'string') {
    return new ChatError(code as ChatErrorCode, String(message ?? code), retryAfter)
  }
  const known = codes[status] ?? (status < 500 ? 'bad-frame' : 'unavailable')
  return new ChatError(known, `the server answered ${status}`, retryAfter)
}

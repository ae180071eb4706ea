import { ChatError, type ChatErrorCode } from '@rabble/client'
import { token } from './session.ts'

const deadline = 10_000

/**
 * Sends an HTTP request to the server as this guest. `path` is relative to the page, such as `api/rooms`. Resolves with the
 * JSON of the response, undefined if it is empty.
 * @throws ChatError of the server, `timeout`, or `disconnected` if it can't be reached
 */
export async function ask(path: string, options: { method?: string; body?: unknown } = {}): Promise<unknown> {
  const { method = 'GET', body } = options
  const own = token()
  const url = new URL(path, document.baseURI)
  // `.` and `..` as path segments lead elsewhere, even if they are encoded (URL Standard).
  if (!url.href.endsWith(`/${path}`)) throw new ChatError('bad-frame', 'there is nothing with this name')
  try {
    const answer = await fetch(url, {
      method,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(own !== undefined && { authorization: `Bearer ${own}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(deadline),
    })
    const text = await answer.text()
    if (answer.ok) return text === '' ? undefined : JSON.parse(text)
    const problem = JSON.parse(text) as { code?: ChatErrorCode; message?: string }
    throw new ChatError(
      problem.code ?? 'unavailable',
      problem.message ?? `the server answered ${answer.status}`,
    )
  } catch (error) {
    if (error instanceof ChatError) throw error
    const late = error instanceof Error && error.name === 'TimeoutError'
    throw new ChatError(late ? 'timeout' : 'disconnected', 'the server cannot be reached right now')
  }
}

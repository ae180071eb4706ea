import type { ChatClock } from './clock.ts'
import { ChatError } from './errors.ts'
import { refusalOf } from './refusal.ts'
import { segment } from './segment.ts'
import type { FetchLike, RequestOptions } from './types.ts'

const deadline = 10_000

/** Server and user of HTTP requests. */
export interface HttpHost {
  readonly address: { readonly base: URL }
  readonly fetch: FetchLike
  readonly credentials: { readonly token: string | undefined }
  readonly clock: ChatClock
}

/** Sends an HTTP request. @throws ChatError of the server, or `disconnected` if it doesn't answer */
export async function request<T>(
  host: HttpHost,
  path: readonly string[],
  options: RequestOptions<T> = {},
): Promise<T> {
  const { method = 'GET', query = {}, body, read } = options
  const url = new URL(path.map(segment).join('/'), host.address.base)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  const { token } = host.credentials
  const controller = new AbortController()
  const abort = () => controller.abort(options.signal?.reason)
  if (options.signal?.aborted) abort()
  options.signal?.addEventListener('abort', abort)
  const late = () => controller.abort(new ChatError('disconnected', 'no answer in time'))
  const timer = host.clock.setTimeout(late, deadline)
  timer.unref()
  const ask = (token?: string) => {
    const headers: Record<string, string> = {}
    if (token !== undefined) headers.authorization = `Bearer ${token}`
    if (body !== undefined) headers['content-type'] = 'application/json'
    return host.fetch(url.href, {
      method,
      headers,
      signal: controller.signal,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }
  try {
    let response = await ask(token)
    // A guest's token may be older than a day. Public rooms can be read without it.
    if (response.status === 401 && token !== undefined && method === 'GET') response = await ask()
    if (!response.ok) throw refusalOf(response, await response.json().catch(() => null))
    if (read !== undefined) {
      timer.cancel()
      return await read(response)
    }
    return (response.status === 204 ? undefined : await response.json()) as T
  } catch (error) {
    throw error instanceof ChatError ? error : new ChatError('disconnected', String(error))
  } finally {
    timer.cancel()
    // Somebody may still read the content.
    if (read === undefined) options.signal?.removeEventListener('abort', abort)
  }
}

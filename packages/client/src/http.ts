import type { ChatClock } from './clock.ts'
import { ChatError, type ChatErrorCode } from './errors.ts'
import type { FetchLike, HistoryOptions, HistoryPage } from './types.ts'

const deadline = 10_000

/** Reads history over HTTP as the user whose token `credentials` holds. */
export class Http {
  readonly #base: URL
  readonly #fetch: FetchLike
  readonly #credentials: { readonly token: string | undefined }
  readonly #clock: ChatClock

  constructor(
    base: URL,
    fetch: FetchLike,
    credentials: { readonly token: string | undefined },
    clock: ChatClock,
  ) {
    this.#base = base
    this.#fetch = fetch
    this.#credentials = credentials
    this.#clock = clock
  }

  /** @throws ChatError of the server, or `disconnected` if it doesn't answer */
  async history(room: string, query: HistoryOptions): Promise<HistoryPage> {
    const url = new URL(`api/rooms/${segment(room)}/messages`, this.#base)
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value)
    }
    const { token } = this.#credentials
    try {
      let answer = await this.#ask(url.href, token)
      // A guest's token may be older than a day. Public rooms can be read without it.
      if (answer.status === 401 && token !== undefined) answer = await this.#ask(url.href)
      const body = await answer.json()
      if (answer.ok) return body as HistoryPage
      const { code, message } = body as { code: ChatErrorCode; message: string }
      throw new ChatError(code, message)
    } catch (error) {
      throw error instanceof ChatError ? error : new ChatError('disconnected', String(error))
    }
  }

  #ask(url: string, token?: string): ReturnType<FetchLike> {
    const controller = new AbortController()
    const late = () => controller.abort(new ChatError('disconnected', 'no answer in time'))
    // The time limit includes the body. An abort after that has no effect.
    this.#clock.setTimeout(late, deadline).unref()
    return this.#fetch(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: controller.signal,
    })
  }
}

/**
 * Encodes a room's name as a segment of a path.
 * @throws ChatError `bad-frame` for a name that can't be one: `.` and `..` are resolved even if they are encoded (URL Standard)
 */
function segment(name: string): string {
  try {
    if (!/^\.{0,2}$/.test(name)) return encodeURIComponent(name)
  } catch {
    // The name has half a surrogate pair.
  }
  throw new ChatError('bad-frame', 'this is not the name of a room')
}

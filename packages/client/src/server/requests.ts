import { backoff } from '../backoff.ts'
import type { ChatClock } from '../clock.ts'
import { ChatError } from '../errors.ts'
import { refusalOf } from '../refusal.ts'

/** Milliseconds within which an answer must come, besides the time that the server was asked to wait. */
const deadline = 15_000

export interface Question {
  method: 'GET' | 'POST' | 'DELETE'
  /** Path below the address of Rabble, such as `api/notify`, with a query. */
  path: string
  body?: object
  signal?: AbortSignal | undefined
  /** Milliseconds that the server was asked to wait before it answers. */
  wait?: number
}

/** Sends requests with a token. */
export class Requests {
  readonly #base: URL
  readonly #fetch: typeof globalThis.fetch
  readonly #clock: ChatClock
  readonly #getToken: () => string | Promise<string>
  readonly #retryFor: number
  #token: string | undefined

  constructor(options: {
    base: URL
    fetch: typeof globalThis.fetch
    clock: ChatClock
    getToken: () => string | Promise<string>
    retryFor: number
  }) {
    this.#base = options.base
    this.#fetch = options.fetch
    this.#clock = options.clock
    this.#getToken = options.getToken
    this.#retryFor = options.retryFor
  }

  /**
   * Sends a request, and repeats it while it may succeed later and there is time.
   * @throws ChatError; the reason of `signal`, if it aborts
   */
  async ask<Answer>(question: Question): Promise<Answer> {
    const end = this.#clock.monotonic() + this.#retryFor
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.askOnce<Answer>(question)
      } catch (error) {
        const wait = waitAfter(error, attempt)
        if (wait === undefined || this.#clock.monotonic() + wait > end) throw error
        await this.sleep(wait, question.signal)
      }
    }
  }

  /**
   * Sends a request once or, with another token, twice.
   * @throws as `ask`
   */
  async askOnce<Answer>(question: Question): Promise<Answer> {
    const isNew = this.#token === undefined
    try {
      return await this.#send<Answer>(question)
    } catch (error) {
      if (!(error instanceof ChatError) || error.code !== 'unauthorized') throw error
      this.#token = undefined
      if (isNew) throw error
      return this.#send<Answer>(question)
    }
  }

  /** @throws the reason of `signal`, if it aborts */
  async sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve) => {
      const end = () => {
        timer.cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#clock.setTimeout(end, milliseconds)
      signal?.addEventListener('abort', end)
    })
    signal?.throwIfAborted()
  }

  async #send<Answer>({ method, path, body, signal, wait = 0 }: Question): Promise<Answer> {
    signal?.throwIfAborted()
    const controller = new AbortController()
    const stop = () => controller.abort(signal?.reason)
    signal?.addEventListener('abort', stop)
    const late = () => controller.abort(new ChatError('timeout', 'no answer in time'))
    const timer = this.#clock.setTimeout(late, wait + deadline)
    try {
      this.#token ??= await this.#getToken()
      const answer = await this.#fetch(new URL(path, this.#base).href, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: controller.signal,
      })
      const text = await answer.text()
      if (!answer.ok) throw refusalOf(answer, parsed(text))
      return (text === '' ? undefined : JSON.parse(text)) as Answer
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ChatError) throw error
      throw controller.signal.aborted
        ? controller.signal.reason
        : new ChatError('disconnected', textOf(error))
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', stop)
    }
  }
}

/** Returns the milliseconds to wait before another attempt; undefined if the error is final. */
export function waitAfter(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof ChatError) || !error.retry) return undefined
  return Math.max(error.retryAfter ?? 0, backoff(attempt))
}

/** Returns JSON; undefined for other text, such as a page of a proxy. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Returns the message of an error. That of `fetch` says only that it failed, and its cause says why. */
function textOf(error: unknown): string {
  const { message, cause } = error as { message?: unknown; cause?: unknown }
  return cause instanceof Error ? `${message}: ${cause.message}` : String(message ?? error)
}

import type { Timer } from '@rabble/clock'
import { backoff } from './backoff.ts'
import { bytesOf } from './bytes.ts'
import { type ChatClock, sleep } from './clock.ts'
import { Emitter } from './emitter.ts'
import { ChatError } from './errors.ts'
import { type Block, readBlocks } from './event-stream.ts'
import { takeStream } from './stream-lock.ts'
import type { FetchLike, WebSocketLike } from './types.ts'

/** Time (ms) without an answer after which the session is given up. The gateway keeps it for 15 s. */
const outage = 10_000
/** Shortest time (ms) between two requests that bring nothing, and that between requests which may not wait. */
const leastInterval = 1_000
const pollInterval = 2_000
/** Time (ms) that a request which may not wait waits for the answer to frames that were sent before it. */
const answerWait = 1_000
/** Maximum number of attempts to send frames that the gateway refuses because others wait. */
const maxAttempts = 5

interface Events {
  open: undefined
  error: undefined
  message: { data: unknown }
  close: { code: number; reason: string }
}

/**
 * A session over Server-Sent Events or long polling, with the interface of a WebSocket. docs/protocol/event-stream.md has the
 * format. It continues over any number of requests, until the gateway or `close` ends it.
 */
export class HttpSocket implements WebSocketLike {
  readonly #base: URL
  /** Path of all requests: a session is bound to it. */
  #path: 'sse' | 'poll'
  readonly #fetch: FetchLike
  readonly #clock: ChatClock
  readonly #emitter = new Emitter<Events>()
  readonly #requests = new AbortController()
  /** Id of the newest block; empty before the first one. It gives access to the session. */
  #id = ''
  #over = false
  /** Frames that the gateway has not taken yet. */
  readonly #queue: string[] = []
  #isSending = false
  /** Maximum bytes of frames that go up together. */
  #together = 16 * 1024
  /** Gives back the place among the tabs that hold a response open. */
  #release: (() => void) | undefined
  /** Whether frames were sent since the last request for blocks. */
  #hasSent = false
  #timer: Timer | undefined
  /** Ends the wait for the next request. */
  #poll = () => {}

  /** @param base base URL of the requests */
  constructor(base: URL, path: 'sse' | 'poll', fetch: FetchLike, clock: ChatClock) {
    this.#base = base
    this.#path = path
    this.#fetch = fetch
    this.#clock = clock
    void this.#receive()
  }

  addEventListener<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): void {
    this.#emitter.on(type, listener)
  }

  send(data: string): void {
    this.#queue.push(data)
    if (!this.#isSending) void this.#send()
  }

  /** Ends the session. The gateway is told of 1000; else it waits for a while, as after a lost connection. */
  close(code = 1000): void {
    if (code === 1000 && !this.#over) this.#leave()
    this.#end(code, '')
  }

  async #receive(): Promise<void> {
    let errors = 0
    let lostAt = 0
    while (!this.#over) {
      const before = this.#id
      const began = this.#clock.monotonic()
      let wait: number
      try {
        await this.#get()
        errors = 0
        const elapsed = this.#clock.monotonic() - began
        wait = !this.#release ? pollInterval : this.#id === before ? leastInterval - elapsed : 0
      } catch (error) {
        const now = this.#clock.monotonic()
        if (errors === 0 || this.#id !== before) {
          errors = 0
          lostAt = now
        }
        if (this.#id === '' || now - lostAt > outage) this.#fail(error)
        wait = backoff(errors++)
      }
      if (wait > 0 && !this.#over && !this.#hasSent) {
        await new Promise<void>((resolve) => {
          this.#poll = resolve
          this.#timer = this.#clock.setTimeout(resolve, wait)
        })
        this.#timer?.cancel()
      }
    }
  }

  /** Reads one response. Resolves when it has ended. */
  async #get(): Promise<void> {
    this.#release ??= await takeStream()
    if (this.#over) return this.#release?.()
    if (this.#id === '' && !this.#release) this.#path = 'poll'
    const wait = this.#release ? '' : `?wait=${this.#hasSent ? answerWait : 0}`
    this.#hasSent = false
    const response = await this.#ask('GET', wait)
    const isFine = response.ok && response.headers?.get('content-type')?.startsWith('text/event-stream')
    if (!isFine) throw await refusal(response)
    const read = readBlocks((block) => this.#take(block))
    const reader = this.#path === 'sse' ? response.body?.getReader() : undefined
    if (reader === undefined) return read((await response.text?.()) ?? '')
    for (const decoder = new TextDecoder(); ; ) {
      const { done, value } = await reader.read()
      if (done) return
      read(decoder.decode(value, { stream: true }))
    }
  }

  #take({ event, data, id }: Block): void {
    if (this.#over) return
    const isNew = this.#id === ''
    this.#id = id ?? this.#id
    if (event === '') for (const frame of data) this.#emitter.emit('message', { data: frame })
    else if (event === 'close') {
      const { code, reason } = JSON.parse(data.join('')) as Events['close']
      this.#end(code, reason)
    } else if (event === 'session') {
      if (isNew) this.#emitter.emit('open', undefined)
      else {
        this.#leave()
        this.#end(1006, 'the session was lost')
      }
    }
  }

  /** Sends the frames of the queue, one request after the other. */
  async #send(): Promise<void> {
    this.#isSending = true
    const queue = this.#queue
    try {
      for (let attempt = 1; queue.length > 0 && !this.#over; ) {
        let count = 0
        let bytes = 0
        do bytes += bytesOf(`\n${queue[count++]}`)
        while (count < queue.length && bytes + bytesOf(`\n${queue[count]}`) <= this.#together)
        const response = await this.#ask('POST', '', { body: queue.slice(0, count).join('\n') })
        const { ok, status } = response
        if (ok) {
          attempt = 1
          queue.splice(0, count)
          this.#hasSent = !this.#release
          this.#poll()
        } else if (status === 413 && count > 1) this.#together = 0
        else if (status === 429 && attempt < maxAttempts) await sleep(this.#clock, backoff(attempt++))
        else throw await refusal(response)
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#isSending = false
  }

  #ask(method: string, query: string, more?: Partial<Parameters<FetchLike>[1]>): ReturnType<FetchLike> {
    const headers: Record<string, string> = {}
    if (this.#id !== '') headers['last-event-id'] = this.#id
    if (more?.body !== undefined) headers['content-type'] = 'application/x-ndjson'
    return this.#fetch(new URL(this.#path + query, this.#base).href, {
      method,
      headers,
      signal: this.#requests.signal,
      // A cache would let requests for the same URL wait for each other.
      cache: 'no-store',
      ...more,
    })
  }

  /** Tells the gateway that the session is over. */
  #leave(): void {
    if (this.#id === '') return
    this.#ask('DELETE', '', { keepalive: true, signal: AbortSignal.timeout(outage) }).catch(() => {})
  }

  #fail(error: unknown): void {
    this.#end(1006, error instanceof ChatError ? error.message : '')
  }

  #end(code: number, reason: string): void {
    if (this.#over) return
    this.#over = true
    this.#requests.abort()
    this.#timer?.cancel()
    this.#release?.()
    this.#emitter.emit('close', { code, reason })
  }
}

async function refusal(response: Awaited<ReturnType<FetchLike>>): Promise<ChatError> {
  const body = (await response.json().catch(() => null)) as { message?: string } | null
  return new ChatError('unavailable', body?.message ?? `the answer was HTTP status ${response.status}`)
}

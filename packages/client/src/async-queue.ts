import { Deferred } from './deferred.ts'
import type { RoomEvent } from './types.ts'

/** Maximum number of events that wait for a reader. It is larger than any replay. */
const most = 20_000
/** Number of events that are dropped when the queue is full. */
const fewer = 1_000

/** Queue of events for one reader that takes them at its own pace. */
export class AsyncQueue implements AsyncIterableIterator<RoomEvent> {
  readonly #ended: () => void
  #events: RoomEvent[] = []
  #news = new Deferred<void>()
  #over = false
  /** Id of the last event that the reader took. */
  #taken: string | undefined

  constructor(ended: () => void) {
    this.#ended = ended
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  push(event: RoomEvent): void {
    this.#events.push(event)
    if (this.#events.length > most) {
      this.#events.splice(0, fewer)
      const before = this.#events.map(idOf).find((id) => id !== undefined)
      this.#events.unshift({ type: 'gap', after: this.#taken, before, why: 'slow-reader' })
    }
    this.#news.resolve()
    this.#news = new Deferred()
  }

  async next(): Promise<IteratorResult<RoomEvent, undefined>> {
    while (this.#events.length === 0 && !this.#over) await this.#news.promise
    const value = this.#events.shift()
    if (value === undefined) return { done: true, value }
    this.#taken = idOf(value) ?? this.#taken
    return { done: false, value }
  }

  return(): Promise<IteratorResult<RoomEvent, undefined>> {
    this.#events = []
    this.end()
    return this.next()
  }

  /** Ends the queue. The reader can still take the events that it holds. */
  end(): void {
    this.#over = true
    this.#news.resolve()
    this.#ended()
  }
}

function idOf(event: RoomEvent): string | undefined {
  return 'change' in event ? event.change.id : event.type === 'message' ? event.message.id : undefined
}

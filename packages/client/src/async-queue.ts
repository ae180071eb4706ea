import { Deferred } from './deferred.ts'
import type { Gap } from './events.ts'

/** Maximum number of events that wait for a reader. It is larger than any replay. */
const most = 20_000
/** Number of events that are dropped when the queue is full. */
const fewer = 1_000

/** Queue of events for one reader that takes them at its own pace. A `gap` marks events that were dropped. */
export interface AsyncQueue<Event> extends AsyncIterableIterator<Event | Gap> {
  push(event: Event): void
  /** Ends the queue. The reader can still take the events that it holds. */
  end(): void
}

/** Creates a queue. It calls `ended` when it takes no more events. */
export function createQueue<Event extends object>(ended: () => void): AsyncQueue<Event> {
  let events: (Event | Gap)[] = []
  let news = new Deferred<void>()
  let isOver = false
  /** Id of the last event that the reader took. */
  let taken: string | undefined
  const end = () => {
    isOver = true
    news.resolve()
    ended()
  }
  const next = async (): Promise<IteratorResult<Event | Gap, undefined>> => {
    while (events.length === 0 && !isOver) await news.promise
    const value = events.shift()
    if (value === undefined) return { done: true, value }
    taken = idOf(value) ?? taken
    return { done: false, value }
  }
  return {
    push(event) {
      events.push(event)
      if (events.length > most) {
        events.splice(0, fewer)
        const before = events.map(idOf).find((id) => id !== undefined)
        events.unshift({ type: 'gap', after: taken, before, reason: 'slow-reader' })
      }
      news.resolve()
      news = new Deferred()
    },
    next,
    return() {
      events = []
      end()
      return next()
    },
    end,
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Returns the id of the event of the log that an event brings. */
function idOf(given: object): string | undefined {
  const { change, event, message } = given as Record<string, { id: string } | undefined>
  return (change ?? event ?? message)?.id
}

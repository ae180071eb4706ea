import { Deferred } from '@rabble/clock/deferred'
import type { ChatEvent } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import type { Tracing } from '@rabble/service'
import type { DuplicateFilter } from './duplicate-filter.ts'
import { traceAttributes } from './trace-attributes.ts'

/** Publishes events to the log, each id only once at a time. */
export interface Publisher {
  /**
   * Resolves once the log has the event: it was confirmed, or came back through the log, or was there already because the client
   * sent it before.
   * @throws RabbleError `unavailable`
   */
  publish(event: ChatEvent): Promise<void>
  /** Whether the log has an event, or is about to get it. */
  has(id: string): boolean
  /** Resolves the promise for an event that came through the log. Call it for each event, also for repeated ones. */
  arrived(id: string): void
  /** Resolves once each event that waits now is confirmed or has failed. */
  settled(): Promise<void>
}

export function createPublisher(options: {
  log: Pick<EventLog, 'publish'>
  seen: Pick<DuplicateFilter, 'has'>
  /** Called for each event that the log has confirmed. */
  confirmed: () => void
  tracing?: Tracing | undefined
}): Publisher {
  const { log, seen, confirmed, tracing } = options
  const waiting = new Map<string, Deferred<void>>()
  const done = Promise.resolve()

  return {
    publish(event) {
      if (seen.has(event.id)) return done
      const same = waiting.get(event.id)
      if (same !== undefined) return same.promise
      const result = new Deferred<void>()
      waiting.set(event.id, result)
      const span = tracing?.part('publish', 'producer', traceAttributes(event, 'send'))
      log.publish(event, span?.traceparent).then(
        () => {
          span?.end()
          confirmed()
          waiting.delete(event.id)
          result.resolve()
        },
        (error: unknown) => {
          span?.end(error)
          waiting.delete(event.id)
          result.reject(error)
        },
      )
      return result.promise
    },
    has: (id) => seen.has(id) || waiting.has(id),
    arrived(id) {
      waiting.get(id)?.resolve()
    },
    async settled() {
      await Promise.allSettled([...waiting.values()].map(({ promise }) => promise))
    },
  }
}

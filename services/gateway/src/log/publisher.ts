import { Deferred } from '@rabble/clock/deferred'
import type { ChatEvent } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import type { DuplicateFilter } from './duplicate-filter.ts'

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

/** `confirmed` is called for each event that the log has confirmed. */
export function createPublisher(
  log: Pick<EventLog, 'publish'>,
  seen: Pick<DuplicateFilter, 'has'>,
  confirmed: () => void,
): Publisher {
  const waiting = new Map<string, Deferred<void>>()
  const done = Promise.resolve()

  return {
    publish(event) {
      if (seen.has(event.id)) return done
      const same = waiting.get(event.id)
      if (same !== undefined) return same.promise
      const result = new Deferred<void>()
      waiting.set(event.id, result)
      log.publish(event).then(
        () => {
          confirmed()
          waiting.delete(event.id)
          result.resolve()
        },
        (error: unknown) => {
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

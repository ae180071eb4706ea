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
  /** Resolves the promise for an event that came through the log. Call it for each event, also for repeated ones. */
  arrived(id: string): void
  /** Resolves once each event that waits now is confirmed or has failed. */
  settled(): Promise<void>
}

interface Waiting {
  promise: Promise<void>
  resolve: () => void
}

/** `confirmed` is called for each event that the log has confirmed. */
export function createPublisher(
  log: Pick<EventLog, 'publish'>,
  seen: Pick<DuplicateFilter, 'has'>,
  confirmed: () => void,
): Publisher {
  const waiting = new Map<string, Waiting>()
  const done = Promise.resolve()

  return {
    publish(event) {
      if (seen.has(event.id)) return done
      const same = waiting.get(event.id)
      if (same !== undefined) return same.promise
      const { promise, resolve, reject } = withResolvers()
      waiting.set(event.id, { promise, resolve })
      const finish = (settle: () => void) => {
        waiting.delete(event.id)
        settle()
      }
      log.publish(event).then(
        () => {
          confirmed()
          finish(resolve)
        },
        (error: unknown) => finish(() => reject(error)),
      )
      return promise
    },
    arrived(id) {
      waiting.get(id)?.resolve()
    },
    async settled() {
      await Promise.allSettled([...waiting.values()].map(({ promise }) => promise))
    },
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve: () => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

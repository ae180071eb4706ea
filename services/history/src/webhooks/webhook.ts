import type { Backoff } from '@rabble/clock/retry'
import { roomKind } from '@rabble/contract'

/** Events by the kind of their room: of named rooms; direct messages; notices to one user or to everybody. */
export type WebhookEvents = 'rooms' | 'direct' | 'notices'

/** A receiver of events over HTTP, and what it gets. docs/protocol/webhooks.md describes the requests. */
export interface Webhook {
  url: string
  /** Keys that sign the requests; see `signWebhook`. */
  secret: string
  events: ReadonlySet<WebhookEvents>
  /** Where a partition begins that was never sent before: behind what history has stored, or with all that the log has. */
  start: 'newest' | 'oldest'
  /** Pauses between attempts. Default: 500 ms to 30 s. */
  backoff?: Backoff
  /** Time limit (ms) of a request. Default: 15 s. */
  timeout?: number
}

/** Whether the receiver gets the events of a room. A room with an invalid name, of another program, is of no kind. */
export function isSent({ events }: Pick<Webhook, 'events'>, room: string): boolean {
  const kind = roomKind(room)?.kind
  switch (kind) {
    case 'room':
      return events.has('rooms')
    case 'direct':
      return events.has('direct')
    case 'user':
    case 'everybody':
      return events.has('notices')
    case undefined:
      return false
    default:
      return kind satisfies never
  }
}

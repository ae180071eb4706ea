import type { Clock } from '@rabble/clock'
import { type Limits, type MessageEvent, RabbleError, type User } from '@rabble/contract'
import type { AuditEntry } from '@rabble/rooms/client'
import type { Metrics } from '../metrics.ts'
import type { RefusedEntry } from '../rooms/audit-trail.ts'

/** What the gateway does for programs that publish without a session. */
export interface PublishHost {
  /** The gateway's id: a new one at each start. */
  readonly id: string
  readonly limits: Limits
  readonly clock: Clock
  /**
   * Publishes an event that belongs to no session. Resolves once the log has it.
   * @throws RabbleError `unavailable`
   */
  publish(event: MessageEvent): Promise<void>
  /**
   * Finds out whether an event with a name of its sender's is stored already; see `RepeatCheck.check`. Returns undefined if
   * there is nothing to ask.
   */
  checkRepeat(event: MessageEvent): Promise<'stored' | 'new' | 'unchecked'> | undefined
  /**
   * Checks that a user who has no session may write in a room, and is neither banned nor muted.
   * @throws RabbleError `forbidden`; `unavailable` while that isn't known
   */
  checkWriter(user: string, room: string): Promise<void>
  /** Records an act for moderators, where a rooms service keeps them; see `AuditTrail.record`. */
  audit(entry: AuditEntry): Promise<void> | undefined
  /** Records that somebody was refused, at a limited rate. */
  auditRefusal(detail: Omit<RefusedEntry, 'gateway'>, user?: User): void
}

/** How it came. */
export type Way = 'http' | 'amqp'

/** What is to be published, for whom, and what it is called in the audit. */
export interface Publication {
  event: MessageEvent
  actor: User
  action: 'service.message' | 'service.notify'
}

export interface PublishingOptions {
  gateway: Pick<PublishHost, 'publish' | 'checkRepeat' | 'audit'>
  metrics: Pick<Metrics, 'workerPublishes'>
}

/**
 * Publishes what a program asks for and counts how it ended. `prepare` finds out what that is, or throws a RabbleError; if
 * it does so at once, events are published in the order of the calls.
 */
export type Publishing = (
  way: Way,
  prepare: () => Publication | Promise<Publication>,
) => Promise<MessageEvent>

export function createPublishing({ gateway, metrics }: PublishingOptions): Publishing {
  let last: Promise<unknown> = Promise.resolve()

  /** Waits for an answer and, as messages of the queue keep their order, for those to earlier questions. */
  function inTurn<Answer>(way: Way, answer: Promise<Answer> | undefined): Promise<Answer | undefined> {
    if (way === 'http') return Promise.resolve(answer)
    const turn = Promise.all([answer, last]).then(([answer]) => answer)
    last = turn.catch(() => {})
    return turn
  }

  return async (way, prepare) => {
    try {
      const prepared = prepare()
      const { event, actor, action } = prepared instanceof Promise ? await prepared : prepared
      // A program that sends again may do so much later, such as after its own restart.
      const found = await inTurn(way, gateway.checkRepeat(event))
      if (found === 'unchecked') await gateway.publish({ ...event, unchecked: true })
      else if (found !== 'stored') await gateway.publish(event)
      metrics.workerPublishes.inc({ way, result: 'published' })
      const audited = gateway.audit({ actor, action, room: event.room, detail: { id: event.id, way } })
      // Of the queue nothing more is taken until then; over HTTP each program has its rate.
      if (way === 'amqp') await audited
      return event
    } catch (error) {
      metrics.workerPublishes.inc({
        way,
        result: error instanceof RabbleError ? error.code : 'internal-error',
      })
      throw error
    }
  }
}

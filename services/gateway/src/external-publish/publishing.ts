import type { Clock } from '@rabble/clock'
import {
  type ChatEvent,
  type DeleteEvent,
  type Limits,
  type MessageEvent,
  RabbleError,
  type User,
} from '@rabble/contract'
import type { AuditEntry } from '@rabble/rooms/client'
import type { Metrics } from '../metrics.ts'
import type { RefusedEntry } from '../rooms/audit-trail.ts'

/** The gateway, as programs that publish without a session need it. */
export interface PublishHost {
  /** Id of the gateway, a new one at each start. */
  readonly id: string
  readonly limits: Limits
  readonly clock: Clock
  /**
   * Publishes an event that belongs to no session. Resolves once the log has it.
   * @throws RabbleError `unavailable`
   */
  publish(event: ChatEvent): Promise<void>
  /** Checks whether an event with a `cid` is stored already; see `RepeatCheck.check`. Returns undefined if no check is needed. */
  checkRepeat(event: MessageEvent): Promise<'stored' | 'new' | 'unchecked'> | undefined
  /**
   * Returns a message as it is now, for a user who wants to change it.
   * @throws RabbleError `message-not-found`, `unavailable`
   */
  find(room: string, id: string, user: User): Promise<MessageEvent>
  /**
   * Checks that a user without a session may write in a room, and is neither banned nor muted.
   * @throws RabbleError `forbidden`; `unavailable` while that is not known
   */
  checkWriter(user: string, room: string): Promise<void>
  /** Records an action for moderators, if there is a rooms service; see `AuditTrail.record`. */
  audit(entry: AuditEntry): Promise<void> | undefined
  /** Records a refused request for moderators, at a limited rate. */
  auditRefusal(detail: Omit<RefusedEntry, 'gateway'>, user?: User): void
}

/** Path on which a request came. */
export type Source = 'http' | 'amqp'

/** An event to publish, the user who publishes it, and the name of the action in the audit. */
export interface Publication {
  event: MessageEvent | DeleteEvent
  actor: User
  action: 'service.message' | 'service.notify' | 'service.delete'
  /** Whether the log is known to have the deletion. Default: false. */
  isStored?: boolean
}

export interface PublishingOptions {
  gateway: Pick<PublishHost, 'publish' | 'checkRepeat' | 'audit'>
  metrics: Pick<Metrics, 'workerPublishes'>
}

/**
 * Publishes what a program asks for and counts the result. `prepare` returns that, or throws a RabbleError. If `prepare` is
 * synchronous, events are published in the order of the calls.
 */
export type Publishing = (
  way: Source,
  prepare: () => Publication | Promise<Publication>,
) => Promise<MessageEvent | DeleteEvent>

export function createPublishing({ gateway, metrics }: PublishingOptions): Publishing {
  let last: Promise<unknown> = Promise.resolve()

  /** Waits for an answer. In the queue, messages keep their order, so they also wait for the answers to earlier questions. */
  function inTurn<Answer>(way: Source, answer: Promise<Answer> | undefined): Promise<Answer | undefined> {
    if (way === 'http') return Promise.resolve(answer)
    const turn = Promise.all([answer, last]).then(([answer]) => answer)
    last = turn.catch(() => {})
    return turn
  }

  return async (way, prepare) => {
    try {
      const prepared = prepare()
      const { event, actor, action, isStored } = prepared instanceof Promise ? await prepared : prepared
      if (event.type === 'delete') {
        if (!isStored) await gateway.publish(event)
      } else {
        // A program may send again much later, for example after its restart.
        const found = await inTurn(way, gateway.checkRepeat(event))
        if (found === 'unchecked') await gateway.publish({ ...event, unchecked: true })
        else if (found !== 'stored') await gateway.publish(event)
      }
      metrics.workerPublishes.inc({ way, result: 'published' })
      const audited = gateway.audit({ actor, action, room: event.room, detail: { id: event.id, way } })
      // The queue delivers nothing more until then. Over HTTP, each program has a rate limit.
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

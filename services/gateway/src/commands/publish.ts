import type { Clock } from '@rabble/clock'
import { type ChatEvent, type EditEvent, type MessageEvent, RabbleError, type Ref } from '@rabble/contract'
import type { BeforePublish } from '../before-publish/before-publish.ts'
import type { Publisher } from '../log/publisher.ts'
import { isFresh, type RepeatCheck, type Suspicion } from '../log/repeat-check.ts'
import { service } from '../messages/access.ts'
import type { WordFilter } from '../messages/word-filter.ts'
import type { Metrics } from '../metrics.ts'
import type { Session } from '../sessions/session.ts'
import { withRef } from './command.ts'

/** Parts that publishing an event of a session needs. */
export interface PublishParts {
  readonly publisher: Pick<Publisher, 'publish' | 'has'>
  readonly repeats: RepeatCheck
  /** Undefined if the operator has set no words. */
  readonly wordFilter: WordFilter | undefined
  /** Undefined if the operator has set no hook. */
  readonly beforePublish: Pick<BeforePublish, 'check'> | undefined
  readonly clock: Pick<Clock, 'now'>
  readonly metrics: Pick<Metrics, 'acknowledged' | 'refused'>
}

/**
 * Publishes an event and acknowledges it once the log has it. Later frames do not wait for that: the events of a session reach
 * the log in the order in which they came. Later frames wait only if history must be asked whether the event is a repeat, or the
 * before-publish hook whether it may be published. After that, `allowed` throws if the user may no longer publish it.
 */
export function publish(
  parts: PublishParts,
  session: Session,
  event: MessageEvent | EditEvent,
  frame: { ref?: Ref; cid?: string; resent?: number },
  allowed: () => void,
): void | Promise<void> {
  const suspicion = suspicionOf(session, frame, parts.clock.now())
  const checked = suspicion && parts.repeats.check(event, suspicion, session.sharers)
  if (checked === undefined) return publishApproved(parts, session, event, frame.ref, allowed)
  return checked.then((result) => {
    if (result === 'stored') {
      session.reply({ type: 'sent', ...withRef(frame.ref), id: event.id })
      return
    }
    if (session.closed) return
    allowed()
    const marked = result === 'new' ? event : { ...event, unchecked: true as const }
    return publishApproved(parts, session, marked, frame.ref, allowed)
  })
}

/**
 * Publishes an event that is no known repeat: without blocked words, and at once or, if there is a before-publish hook, as that hook
 * answers. Neither concerns programs of the operator and events that the log has, so an event in the log never gets another content or a refusal.
 */
function publishApproved(
  parts: PublishParts,
  session: Session,
  event: MessageEvent | EditEvent,
  ref: Ref | undefined,
  allowed: () => void,
): void | Promise<void> {
  const { wordFilter, beforePublish, publisher, clock } = parts
  const isFree = wordFilter === undefined && beforePublish === undefined
  if (isFree || session.roles.includes(service) || publisher.has(event.id)) {
    void publishNow(parts, session, event, ref)
    return
  }
  const said = wordFilter === undefined ? event : wordFilter(event)
  if (beforePublish === undefined) {
    void publishNow(parts, session, said, ref)
    return
  }
  return beforePublish.check(said, session).then(
    (approved) => {
      if (session.closed) return
      allowed()
      void publishNow(parts, session, { ...approved, at: new Date(clock.now()).toISOString() }, ref)
    },
    (error: unknown) => {
      // It came through the log meanwhile: the client had sent it over another gateway.
      if (!publisher.has(event.id)) throw error
      void publishNow(parts, session, said, ref)
    },
  )
}

/**
 * Returns why the event may repeat an old one; undefined if it is new. `resent` says so explicitly. Without it, only the first
 * events of a session are suspect, because a client sends again after it has lost a connection.
 */
function suspicionOf(
  session: Session,
  { cid, resent }: { cid?: string; resent?: number },
  now: number,
): Suspicion | undefined {
  if (cid === undefined) return undefined
  const early = session.isEarly()
  if (resent !== undefined) return { age: resent }
  return early && !isFresh(cid, now) ? 'perhaps' : undefined
}

/**
 * Publishes an event that is not a repeat, or is harmless as one, and acknowledges it once the log has it. Resolves with whether the
 * log has it.
 */
export function publishNow(
  parts: PublishParts,
  session: Session,
  event: ChatEvent,
  ref: Ref | undefined,
): Promise<boolean> {
  const stop = parts.metrics.acknowledged.startTimer()
  return parts.publisher.publish(event).then(
    () => {
      stop()
      session.reply({ type: 'sent', ...withRef(ref), id: event.id })
      return true
    },
    (error: unknown) => {
      refuseFailed(parts, session, error, ref)
      return false
    },
  )
}

/** Tells a client that the log does not have its event. */
export function refuseFailed(
  parts: { readonly metrics: Pick<Metrics, 'refused'> },
  session: Session,
  error: unknown,
  ref: Ref | undefined,
): void {
  const refusal =
    error instanceof RabbleError ? error : new RabbleError('unavailable', 'the log failed', { cause: error })
  parts.metrics.refused.inc({ code: refusal.code })
  session.refuse(refusal, ref)
}

import type { Clock } from '@rabble/clock'
import { type ChatEvent, type EditEvent, type MessageEvent, RabbleError, type Ref } from '@rabble/contract'
import type { Publisher } from '../log/publisher.ts'
import { isFresh, type RepeatCheck, type Suspicion } from '../log/repeat-check.ts'
import type { Metrics } from '../metrics.ts'
import type { Session } from '../sessions/session.ts'
import { withRef } from './command.ts'

/** Parts that publishing an event of a session needs. */
export interface PublishParts {
  readonly publisher: Pick<Publisher, 'publish'>
  readonly repeats: RepeatCheck
  readonly clock: Pick<Clock, 'now'>
  readonly metrics: Pick<Metrics, 'acknowledged' | 'refused'>
}

/**
 * Publishes an event and acknowledges it once the log has it. Later frames do not wait for that: the events of a session reach
 * the log in the order in which they came. Later frames wait only if history must be asked whether the event is a repeat. After
 * that, `allowed` throws if the event may no longer be published.
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
  if (checked === undefined) return publishNow(parts, session, event, frame.ref)
  return checked.then((result) => {
    if (result === 'stored') {
      session.reply({ type: 'sent', ...withRef(frame.ref), id: event.id })
      return
    }
    if (session.closed) return
    allowed()
    publishNow(parts, session, result === 'new' ? event : { ...event, unchecked: true }, frame.ref)
  })
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

/** Publishes an event that is not a repeat, or is harmless as one, and acknowledges it once the log has it. */
export function publishNow(
  parts: PublishParts,
  session: Session,
  event: ChatEvent,
  ref: Ref | undefined,
): void {
  const stop = parts.metrics.acknowledged.startTimer()
  parts.publisher.publish(event).then(
    () => {
      stop()
      session.reply({ type: 'sent', ...withRef(ref), id: event.id })
    },
    (error: unknown) => {
      const refusal =
        error instanceof RabbleError
          ? error
          : new RabbleError('unavailable', 'the log failed', { cause: error })
      parts.metrics.refused.inc({ code: refusal.code })
      session.refuse(refusal, ref)
    },
  )
}

import { type ChatEvent, RabbleError, type Ref } from '@rabble/contract'
import type { Session } from '../session.ts'
import { type Context, withRef } from './command.ts'

/**
 * Publishes an event and acknowledges it once the log has it. The frames behind it don't wait for that: a session's
 * events reach the log in the order in which they came.
 */
export function publish(context: Context, session: Session, event: ChatEvent, ref: Ref | undefined): void {
  const stop = context.metrics.acknowledged.startTimer()
  context.publisher.publish(event).then(
    () => {
      stop()
      session.reply({ type: 'sent', ...withRef(ref), id: event.id })
    },
    (error: unknown) => {
      const refusal =
        error instanceof RabbleError
          ? error
          : new RabbleError('unavailable', 'the log failed', { cause: error })
      context.metrics.refused.inc({ code: refusal.code })
      session.refuse(refusal, ref)
    },
  )
}

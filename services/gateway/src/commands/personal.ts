import type { Ref } from '@rabble/contract'
import type { Metrics } from '../metrics.ts'
import type { Session } from '../sessions/session.ts'
import { withRef } from './command.ts'
import { refuseFailed } from './publish.ts'

/** Parts that the answer to an event of a user needs. */
export interface PersonalParts {
  readonly metrics: Pick<Metrics, 'refused'>
}

/** Answers once the log has an event of a user, whose id the promise has. Later frames do not wait for that. */
export function acknowledge(
  parts: PersonalParts,
  session: Session,
  published: Promise<string>,
  ref: Ref | undefined,
  reply: (id: string) => void = (id) => void session.reply({ type: 'sent', ...withRef(ref), id }),
): void {
  published.then(reply, (error: unknown) => refuseFailed(parts, session, error, ref))
}

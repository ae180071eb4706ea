import { RabbleError, userRoom } from '@rabble/contract'
import type { Memberships } from '../conversations/memberships.ts'
import type { Receipts } from '../conversations/receipts.ts'
import { type Command, withRef } from './command.ts'
import type { PersonalParts } from './personal.ts'
import { refuseFailed } from './publish.ts'

export interface PrivacyParts extends PersonalParts {
  readonly memberships: Pick<Memberships, 'publish'>
  readonly receipts: Pick<Receipts, 'shows'>
  /** Undefined: nobody keeps what users choose. */
  readonly history: object | undefined
}

/** Changes what others may see of the user, once the log has it, or tells what they may. Later frames do not wait for that. */
export const privacy: Command<'privacy', PrivacyParts> = (parts, session, { receipts, ref }) => {
  const user = session.user.id
  if (parts.history === undefined) throw new RabbleError('unavailable', 'there is no history here')
  const change = async (receipts: boolean): Promise<boolean> => {
    await parts.memberships.publish({ type: 'privacy', room: userRoom(user), user, receipts })
    return receipts
  }
  if (receipts !== undefined) session.takePersonal()
  const known = receipts === undefined ? parts.receipts.shows(session, user) : change(receipts)
  known.then(
    (receipts) => void session.reply({ type: 'privacy', ...withRef(ref), receipts }),
    (error: unknown) => refuseFailed(parts, session, error, ref),
  )
}

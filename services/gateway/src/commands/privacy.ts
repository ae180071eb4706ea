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
export const privacy: Command<'privacy', PrivacyParts> = (parts, session, { receipts, presence, ref }) => {
  const user = session.user.id
  if (parts.history === undefined) throw new RabbleError('unavailable', 'there is no history here')
  const changes = {
    ...(receipts !== undefined && { receipts }),
    ...(presence !== undefined && { presence }),
  }
  const isChange = Object.keys(changes).length > 0
  if (isChange) session.takePersonal()
  const answer = async () => {
    const room = userRoom(user)
    if (isChange) await parts.memberships.publish({ type: 'privacy', room, user, ...changes })
    return { ...(await parts.receipts.shows(session, user)), ...changes }
  }
  answer().then(
    (choices) => void session.reply({ type: 'privacy', ...withRef(ref), ...choices }),
    (error: unknown) => refuseFailed(parts, session, error, ref),
  )
}

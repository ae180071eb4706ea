import { RabbleError } from '@rabble/contract'
import type { Receipts } from '../conversations/receipts.ts'
import { readable } from '../messages/access.ts'
import type { ReplayBudget } from '../replay/replay-budget.ts'
import { type Command, withRef } from './command.ts'
import type { PersonalParts } from './personal.ts'
import { refuseFailed } from './publish.ts'

export interface ReceiptsParts extends PersonalParts {
  readonly receipts: Pick<Receipts, 'ask'>
  readonly replays: ReplayBudget
}

/** Tells how far others have read. Later frames of the session do not wait for the answer. */
export const receipts: Command<'receipts', ReceiptsParts> = (
  parts,
  session,
  { room, follow = true, ref },
) => {
  const { replays } = parts
  const { kind } = readable(room, session.user)
  if (kind !== 'room' && kind !== 'direct') {
    throw new RabbleError('bad-frame', 'only rooms and direct messages have read positions')
  }
  if (kind === 'room' && !session.rooms.has(room)) throw new RabbleError('not-joined', 'join the room first')
  replays.check(session.sharers)
  parts.receipts.ask(session, session.user.id, room, follow).then(
    (positions) => {
      const bytes = session.reply({ type: 'receipts', ...withRef(ref), room, ...positions })
      replays.spend(session.sharers, bytes)
    },
    (error: unknown) => refuseFailed(parts, session, error, ref),
  )
}

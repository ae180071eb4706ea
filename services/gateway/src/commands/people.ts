import type { People } from '../conversations/people.ts'
import type { ReplayBudget } from '../replay/replay-budget.ts'
import { type Command, withRef } from './command.ts'
import type { PersonalParts } from './personal.ts'
import { refuseFailed } from './publish.ts'

export interface PeopleParts extends PersonalParts {
  readonly people: Pick<People, 'follow'>
  readonly replays: ReplayBudget
}

/** Tells the presence of users. Later frames of the session do not wait for the answer. */
export const people: Command<'people', PeopleParts> = (parts, session, { users, ref }) => {
  const { replays } = parts
  replays.check(session.sharers)
  session.takePersonal()
  parts.people.follow(session, session.user.id, users).then(
    (people) => {
      const bytes = session.reply({ type: 'people', ...withRef(ref), people })
      replays.spend(session.sharers, bytes)
    },
    (error: unknown) => refuseFailed(parts, session, error, ref),
  )
}

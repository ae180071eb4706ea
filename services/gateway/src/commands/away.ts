import type { People } from '../conversations/people.ts'
import type { Command } from './command.ts'

export interface AwayParts {
  readonly people: Pick<People, 'touched'>
}

/** Notes whether the user has left the device alone. */
export const away: Command<'away', AwayParts> = ({ people }, session, frame) => {
  if (session.away === frame.away) return
  session.away = frame.away
  people.touched(session.user.id)
}

import type { ConversationList } from '../conversations/list.ts'
import type { ReplayBudget } from '../replay/replay-budget.ts'
import { type Command, withRef } from './command.ts'

export interface WatchParts {
  readonly conversationList: ConversationList
  readonly replays: ReplayBudget
}

const defaultLimit = 50

/** Lists the newest conversations of the user, and tells the session of all changes from then on. */
export const watch: Command<'watch', WatchParts> = async (parts, session, frame) => {
  const { replays, conversationList } = parts
  replays.check(session.sharers)
  const page = await conversationList.watch(session, session.user.id, frame.limit ?? defaultLimit)
  const bytes = session.reply({ type: 'watching', ...withRef(frame.ref), ...page })
  replays.spend(session.sharers, bytes)
}

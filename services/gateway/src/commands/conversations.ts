import type { Conversations } from '../conversations/direct-rooms.ts'
import type { ReplayBudget } from '../replay/replay-budget.ts'
import { type Command, withRef } from './command.ts'

export interface ConversationsParts {
  readonly conversations: Conversations
  readonly replays: ReplayBudget
}

/** Lists the direct conversations of the user. */
export const conversations: Command<'conversations', ConversationsParts> = async (parts, session, frame) => {
  const { replays } = parts
  replays.check(session.sharers)
  const list = await parts.conversations.list(session.user.id, session.sharers)
  const bytes = session.reply({ type: 'conversations', ...withRef(frame.ref), conversations: list })
  replays.spend(session.sharers, bytes)
}

import { type Command, withRef } from './command.ts'

/** Lists with whom the user talks. */
export const conversations: Command<'conversations'> = async (context, session, frame) => {
  const { user } = session
  if (user === undefined) return
  context.replays.check(session.sharers)
  const list = await context.conversations.list(user.id, session.sharers)
  const bytes = session.reply({ type: 'conversations', ...withRef(frame.ref), conversations: list })
  context.replays.spend(session.sharers, bytes)
}

import { type Command, withRef } from './command.ts'

/** Lists with whom the user talks. */
export const conversations: Command<'conversations'> = async (context, session, frame) => {
  const { user } = session
  if (user === undefined) return
  const list = await context.conversations.list(user.id, session.sharers)
  session.reply({ type: 'conversations', ...withRef(frame.ref), conversations: list })
}

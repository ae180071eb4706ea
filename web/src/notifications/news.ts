import type { ConversationState } from '@rabble/client/conversations'

type State = Pick<ConversationState, 'peer' | 'lastMessage' | 'unread' | 'mentions' | 'muted' | 'count'>

/**
 * Whether a change of a conversation is one to notify the user of: a direct message of the other user, or a mention.
 * `before` is undefined if the conversation is new, or not loaded.
 */
export function isNews(before: State | undefined, now: State, me: string | undefined): boolean {
  if (now.muted || now.unread === 0) return false
  if (now.mentions > (before?.mentions ?? 0)) return true
  return now.peer !== undefined && now.count > (before?.count ?? 0) && now.lastMessage?.from.id !== me
}

/** Returns the text of the newest message if the notification is about it: others in a room may follow the mention. */
export function textOf({ peer, lastMessage }: State, me: string | undefined): string | undefined {
  const isIt =
    peer !== undefined || lastMessage?.mentions?.some((user) => user === me || user === '@room') === true
  return isIt ? lastMessage?.text : undefined
}

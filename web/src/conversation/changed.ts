import type { ChatEvent, Message } from '@rabble/client'

export type Change = Exclude<ChatEvent, { type: 'message' }>

/**
 * A message from history after an edit or a deletion; the same object if that is about another one, or doesn't count. The SDK
 * does this for the messages that a room holds.
 */
export function changed(message: Message, change: Change): Message {
  const may = change.moderator === true || change.from.id === message.from.id
  if (message.id !== change.message || !may || message.deleted !== undefined) return message
  const by = { by: change.from, at: change.at }
  return change.type === 'edit'
    ? { ...message, text: change.text, edited: by }
    : { ...message, text: '', deleted: by }
}

import type { ChatEvent, Message } from '@rabble/client'

export type Change = Exclude<ChatEvent, { type: 'message' }>

/**
 * Applies an edit or a deletion to a message from history. Returns the same object if the change is about another message or
 * is not allowed. For the messages of a room the SDK does this.
 */
export function changed(message: Message, change: Change): Message {
  const may = change.moderator === true || change.from.id === message.from.id
  if (message.id !== change.message || !may || message.deleted !== undefined) return message
  const by = { by: change.from, at: change.at }
  return change.type === 'edit'
    ? { ...message, text: change.text, edited: by }
    : { ...message, text: '', deleted: by }
}

import type { TextChange as Change, MessageEvent as Message } from '@rabble/contract'

/**
 * Returns the message after an edit or a deletion; unchanged if the change doesn't count. Reactions
 * are in a module that is loaded later.
 */
export function changed(message: Message, change: Change): Message {
  const may = change.moderator === true || change.from.id === message.from.id
  if (message.id !== change.message || message.room !== change.room || !may) return message
  if (message.deleted !== undefined) return message
  const by = { by: change.from, at: change.at }
  if (change.type === 'edit') return { ...message, text: change.text, edited: by }
  const { type, room, id, cid, from, at, via, replyTo } = message
  // The author may have another name by then, such as one that stands for nobody.
  const author = change.from.id === from.id ? change.from : from
  const rest = { type, room, id, cid, from: author, text: '', at, via, replyTo, deleted: by }
  // Removes undefined fields, so that the message looks as a server sends it.
  return JSON.parse(JSON.stringify(rest))
}

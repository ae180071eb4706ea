import type { ChangeEvent as Change, MessageEvent as Message } from '@rabble/contract'

/**
 * The message as it is after an edit or a deletion; as it was, if the change doesn't count. The SDK takes only types from
 * the contract, so this says again what `changed` says there; a test compares the two.
 */
export function changed(message: Message, change: Change): Message {
  const may = change.moderator === true || change.from.id === message.from.id
  if (message.id !== change.message || message.room !== change.room || !may) return message
  if (message.deleted !== undefined) return message
  const by = { by: change.from, at: change.at }
  if (change.type === 'edit') return { ...message, text: change.text, edited: by }
  const { type, room, id, cid, from, at, via, replyTo } = message
  const rest = { type, room, id, cid, from, text: '', at, via, replyTo, deleted: by }
  // Without the fields that are undefined, as it comes from a server.
  return JSON.parse(JSON.stringify(rest))
}

import type { ChangeEvent, MessageEvent } from './events.ts'

/**
 * Returns the message after an edit or a deletion, as history stores it, a gateway remembers it and a client shows it. A change
 * that doesn't count returns the message unchanged: the message is deleted, or the user may not change it.
 */
export function changed(message: MessageEvent, change: ChangeEvent): MessageEvent {
  if (!mayChange(message, change)) return message
  const by = { by: change.from, at: change.at }
  if (change.type === 'edit') return { ...message, text: change.text, edited: by }
  // Unknown fields may repeat the deleted text, so only the message's place in the conversation stays.
  const { type, room, id, cid, from, at, via, replyTo } = message
  return {
    type,
    room,
    id,
    ...(cid !== undefined && { cid }),
    from,
    text: '',
    at,
    via,
    ...(replyTo !== undefined && { replyTo }),
    deleted: by,
  }
}

/** Whether a change counts. Gateways refuse the others, but they are not the only programs that can write to the log. */
export function mayChange(message: MessageEvent, change: ChangeEvent): boolean {
  if (message.id !== change.message || message.room !== change.room || message.deleted !== undefined)
    return false
  return change.moderator === true || change.from.id === message.from.id
}

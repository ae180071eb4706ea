import type { ChangeEvent, MessageEvent } from './events.ts'

/**
 * The message as it is after an edit or a deletion: what history stores, what a gateway remembers, what a client shows.
 * A change that doesn't count leaves it as it is: of a message that is deleted, or by somebody who may not.
 */
export function changed(message: MessageEvent, change: ChangeEvent): MessageEvent {
  if (!mayChange(message, change)) return message
  const by = { by: change.from, at: change.at }
  if (change.type === 'edit') return { ...message, text: change.text, edited: by }
  // What isn't known of a message may be what it said, so only its place in the conversation stays.
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

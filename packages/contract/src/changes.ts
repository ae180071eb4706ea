import type { ChangeEvent, MessageEvent } from './events.ts'
import { reacted } from './reactions.ts'

/**
 * Returns the message after an edit, a deletion or a reaction, as history stores it, a gateway remembers it and a client shows it. A change
 * that doesn't count returns the message unchanged: the message is deleted, or the user may not change it.
 */
export function changed(message: MessageEvent, change: ChangeEvent): MessageEvent {
  if (!mayChange(message, change)) return message
  if (change.type === 'reaction') return reacted(message, change)
  const by = { by: change.from, at: change.at }
  if (change.type === 'edit') return { ...message, text: change.text, edited: by }
  // Unknown fields may repeat the deleted text, so only the message's place in the conversation stays.
  const { type, room, id, cid, from, at, via, replyTo } = message
  return {
    type,
    room,
    id,
    ...(cid !== undefined && { cid }),
    // The name that the author had then: an erasure deletes under a name that stands for nobody.
    from: change.from.id === from.id ? change.from : from,
    text: '',
    at,
    via,
    ...(replyTo !== undefined && { replyTo }),
    deleted: by,
  }
}

/**
 * Returns a message that was read from history after some changes, in order, that may be newer or older than it. A reaction is counted
 * only if the message doesn't have it yet: those up to `reacted` are in its counts.
 */
export function afterAll(message: MessageEvent, changes: readonly ChangeEvent[]): MessageEvent {
  const counted = changes.findLastIndex(({ id }) => id === message.reacted)
  return changes.filter(({ type }, index) => type !== 'reaction' || index > counted).reduce(changed, message)
}

/** Whether a change counts. Gateways refuse the others, but they are not the only programs that can write to the log. */
export function mayChange(message: MessageEvent, change: ChangeEvent): boolean {
  if (message.id !== change.message || message.room !== change.room || message.deleted !== undefined)
    return false
  return change.type === 'reaction' || change.moderator === true || change.from.id === message.from.id
}

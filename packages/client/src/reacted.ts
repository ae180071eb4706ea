import type {
  ChangeEvent as Change,
  MessageEvent as Message,
  ReactionEvent,
  Reactions,
} from '@rabble/contract'
import { changed } from './changes.ts'

/** Maximum number of users in the list of an emoji, as in the contract. */
const maxReactors = 50

/**
 * Returns the message after a change; unchanged if the change doesn't count. The SDK imports only types from the contract, so this
 * repeats the contract's `changed`. A test compares the two.
 */
export function applyChange(message: Message, change: Change): Message {
  if (change.type !== 'reaction') return changed(message, change)
  if (message.id !== change.message || message.room !== change.room || message.deleted) return message
  return reacted(message, change)
}

/**
 * Returns a message of history after remembered changes, which may be newer or older than it. A reaction is counted only if the
 * message doesn't have it yet: those up to `reacted` are in its counts.
 */
export function afterAll(message: Message, changes: readonly Change[]): Message {
  const counted = changes.findLastIndex(({ id }) => id === message.reacted)
  return changes
    .filter(({ type }, index) => type !== 'reaction' || index > counted)
    .reduce(applyChange, message)
}

function reacted(message: Message, event: ReactionEvent): Message {
  const { reactions: before = [], reacted, ...rest } = message
  if (reacted === event.id) return message
  const reactions = event.reactions ?? reactionsAfter(before, event)
  if (reactions === before) return message
  return { ...rest, ...(reactions.length > 0 && { reactions }), reacted: event.id }
}

function reactionsAfter(before: Reactions[], { emoji, from, remove }: ReactionEvent): Reactions[] {
  const known = before.find((one) => one.emoji === emoji)
  const { count, users }: Omit<Reactions, 'emoji'> = known ?? { count: 0, users: [] }
  const isListed = users.includes(from.id)
  // Of a shortened list, nobody knows whom it lacks.
  if (remove ? !isListed && count === users.length : isListed) return before
  const now = {
    emoji,
    count: remove ? count - 1 : count + 1,
    users: remove
      ? users.filter((user) => user !== from.id)
      : users.length < maxReactors
        ? [...users, from.id]
        : users,
  }
  const all = known ? before.map((one) => (one === known ? now : one)) : [...before, now]
  return all.filter(({ count }) => count > 0)
}

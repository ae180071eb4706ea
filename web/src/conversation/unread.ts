import type { Message, Room } from '@rabble/client'

/** Reading position in a room. The message with this id is read, or is the first unread one. */
export interface Mark {
  id: string
  read: boolean
}

/** Highest count. More is shown as "99+". */
const maxUnread = 99

/** Number of unread messages, and whether there may be more. */
export interface Unread {
  count: number
  more: boolean
}

/**
 * Counts the messages of others after the mark, up to `maxUnread`. If the room doesn't hold the marked message, any more or
 * yet, all its messages count. An empty `id` is the beginning.
 */
export function countUnread(
  { messages, hasOlder }: Pick<Room, 'messages' | 'hasOlder'>,
  mark: Mark,
  me: string | undefined,
): Unread {
  let count = 0
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index] as Message
    const marked = message.id === mark.id
    if (!(marked && mark.read) && message.from.id !== me && message.deleted === undefined) {
      if (count === maxUnread) return { count, more: true }
      count++
    }
    if (marked) return { count, more: false }
  }
  return { count, more: hasOlder }
}

/** Adds up several rooms. */
export function sum(unread: readonly Unread[]): Unread {
  const count = unread.reduce((sum, { count }) => sum + count, 0)
  return { count: Math.min(count, maxUnread), more: count > maxUnread || unread.some(({ more }) => more) }
}

/** Returns the text of a badge. */
export function badge({ count, more }: Unread): string {
  return `${count}${more ? '+' : ''}`
}

import type { Message, Room } from '@rabble/client'

/** Up to where somebody has read: the message of this id, which is read itself, or is the first one that isn't. */
export interface Mark {
  id: string
  read: boolean
}

/** More are not counted: "99+" says enough. */
const maxUnread = 99

/** How many messages are unread, and whether there may be more. */
export interface Unread {
  count: number
  more: boolean
}

/**
 * How many messages of others stand behind the mark, up to `maxUnread`. Of a room that holds the mark no more, or not yet
 * after a reload, all that it holds; an empty `id` is the beginning.
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

/** Over several rooms. */
export function sum(unread: readonly Unread[]): Unread {
  const count = unread.reduce((sum, { count }) => sum + count, 0)
  return { count: Math.min(count, maxUnread), more: count > maxUnread || unread.some(({ more }) => more) }
}

/** As it stands on a badge. */
export function badge({ count, more }: Unread): string {
  return `${count}${more ? '+' : ''}`
}

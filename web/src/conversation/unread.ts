import type { Message } from '@rabble/client'

/** Up to where somebody has read: the message of this id, which is read itself, or is the first one that isn't. */
export interface Mark {
  id: string
  read: boolean
}

/** More are not counted: "99+" says enough. */
export const mostUnread = 100

/**
 * How many messages of others stand behind the mark, up to `mostUnread`. Of a room that holds the mark no more, all that it
 * holds; an empty `id` is the beginning.
 */
export function countUnread(messages: readonly Message[], mark: Mark, me: string | undefined): number {
  let count = 0
  for (let index = messages.length - 1; index >= 0 && count < mostUnread; index--) {
    const message = messages[index] as Message
    if (message.id === mark.id && mark.read) break
    if (message.from.id !== me && message.deleted === undefined) count++
    if (message.id === mark.id) break
  }
  return count
}

/** As it stands on a badge. */
export function badge(count: number): string {
  return count < mostUnread ? String(count) : `${mostUnread - 1}+`
}

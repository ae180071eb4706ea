import type { Message, Room } from '@rabble/client'
import { formatNumber } from '../ui/intl.ts'

/** Highest number in a badge. More is shown as "99+". */
const maxShown = 99

/** Returns the text of a badge. */
export function badge(count: number): string {
  return count > maxShown ? `${formatNumber(maxShown)}+` : formatNumber(count)
}

/**
 * Returns the first message after the read position `readUpTo`, which is undefined if nothing was read; undefined if that message
 * is not loaded or there is none.
 */
export function firstAfter(
  { messages, hasOlder }: Pick<Room, 'messages' | 'hasOlder'>,
  readUpTo: string | undefined,
): Message | undefined {
  const last = messages.findLastIndex(({ id }) => id === readUpTo)
  // The message of the position may be deleted by the retention.
  return last === -1 && hasOlder ? undefined : messages[last + 1]
}

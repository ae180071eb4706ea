import type { Message, Room } from '@rabble/client'

/** Maximum size of a page of history. */
const page = 1_000

/**
 * Finds the oldest message of a room at `from` or later; undefined if there is none. Reads history page by page, beginning with
 * the newest, since history can't search by time. Calls `looked` with the oldest message of each page, and keeps no page.
 * @throws ChatError
 */
export async function findDate(
  room: Pick<Room, 'history'>,
  from: Date,
  signal: AbortSignal,
  looked: (oldest: Message) => void,
): Promise<Message | undefined> {
  let found: Message | undefined
  let before: string | undefined
  while (!signal.aborted) {
    const { messages, hasMore } = await room.history({ limit: page, ...(before !== undefined && { before }) })
    const [oldest] = messages
    if (oldest === undefined) return found
    // Clocks of gateways differ. The order is that of the log.
    found = messages.find(({ at }) => Date.parse(at) >= from.getTime()) ?? found
    if (!hasMore || Date.parse(oldest.at) < from.getTime()) return found
    looked(oldest)
    before = oldest.id
  }
  return undefined
}

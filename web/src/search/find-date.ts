import type { Message, Room } from '@rabble/client'

/** The largest page that history gives. */
const page = 1_000

/**
 * The oldest message of a room said at `from` or later; undefined if there is none. History is asked page by page, from the
 * newest one back: it knows no way to a time. Each page is told of, and let go.
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
    // Clocks of gateways differ: the order is that of the log.
    found = messages.find(({ at }) => Date.parse(at) >= from.getTime()) ?? found
    if (!hasMore || Date.parse(oldest.at) < from.getTime()) return found
    looked(oldest)
    before = oldest.id
  }
  return undefined
}

import type { Message } from '@rabble/client'

/** Number of the newest messages among which read positions are looked for. A position before them is not shown. */
const most = 200

/**
 * Returns the ids of the others who have read a message of the user, by the message: each once, at the newest own message up to which
 * they have read. Authors have read everything before their messages. `positions` has the message up to which each has read.
 */
export function seenAt(
  messages: readonly Pick<Message, 'id' | 'from' | 'deleted'>[],
  positions: ReadonlyMap<string, string>,
  me: string,
): Map<string, string[]> {
  const readers = new Map<string, string[]>()
  for (const [user, upTo] of positions) readers.set(upTo, [...(readers.get(upTo) ?? []), user])
  const left = new Set(positions.keys())
  const seen = new Map<string, string[]>()
  let here: string[] = []
  for (let index = messages.length - 1; index >= Math.max(0, messages.length - most); index--) {
    if (left.size === 0 && here.length === 0) break
    const message = messages[index]
    if (message === undefined) break
    const { id, from, deleted } = message
    for (const user of [...(readers.get(id) ?? []), from.id]) if (left.delete(user)) here.push(user)
    if (from.id !== me || deleted !== undefined || here.length === 0) continue
    seen.set(id, here)
    here = []
  }
  return seen
}

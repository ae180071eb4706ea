import type { ServerFrames } from '@rabble/contract'
import { type ChatClient, until } from '@rabble/harness'

/** Returns how far the others have read, as a client has been told: `user: id`, sorted; undefined if that is not shown. */
export function receiptsIn(client: ChatClient, room: string): string[] | undefined {
  let known: Map<string, string> | undefined
  for (const frame of client.frames) {
    if (frame.type === 'receipts' && frame.room === room) known = frame.shown ? new Map() : undefined
    else if (frame.type !== 'read' || frame.room !== room) continue
    for (const { user, upTo } of frame.receipts) known?.set(user, upTo ?? '')
    for (const user of (frame as ServerFrames['read']).removed ?? []) known?.delete(user)
  }
  return known && [...known].map(([user, upTo]) => `${user}: ${upTo}`).sort()
}

/** Waits until a client has been told this. */
export async function showsReceipts(
  client: ChatClient,
  room: string,
  expected: readonly string[] | undefined,
): Promise<void> {
  const known = () => JSON.stringify(receiptsIn(client, room))
  const wanted = JSON.stringify(expected && [...expected].sort())
  await until(async () => known() === wanted, 60_000, `${wanted} in ${known()}`)
}

import { backoff } from './backoff.ts'
import { sleep } from './clock.ts'
import type { ChatError } from './errors.ts'
import type { LiveRoom } from './room-host.ts'

/** Puts a page of history before the messages of a room. Resolves with its size. @throws ChatError */
export async function loadOlder(room: LiveRoom, limit: number): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const first = () => room.messages[0]?.id
    // The events after the newest page must arrive live, so the room is entered first.
    if (first() === undefined) await room.entered
    const turn = room.turn
    const before = first()
    try {
      const page = await room.history({ limit, ...(before && { before }) })
      // The messages may have been trimmed, or dropped because of a gap.
      if (turn !== room.turn || before !== first()) continue
      room.timeline.insert(page.messages, page.hasMoreBefore)
      room.changed()
      return page.messages.length
    } catch (problem) {
      const error = problem as ChatError
      // One failure is usual: history lags a moment, and may not know the message yet.
      if (attempt === 4 || !(error.retry || error.code === 'bad-frame')) throw error
      await sleep(room.host.clock, 200 + backoff(attempt))
    }
  }
}

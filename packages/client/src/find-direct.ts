import type { ServerFrames } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { type ChatClock, sleep } from './clock.ts'

type Conversations = ServerFrames['conversations']['conversations']

/**
 * Lists the rooms of direct messages over a new connection, again and again until that succeeds. Returns undefined if nobody
 * needs them any more.
 */
export async function findDirect(options: {
  clock: ChatClock
  /** Newest message of each room when they were last listed; undefined before the first list. */
  before: ReadonlyMap<string, string> | undefined
  /** Whether the list is still needed. */
  current(): boolean
  request(): Promise<ServerFrames['conversations']>
}): Promise<Conversations | undefined> {
  const { clock, before, current, request } = options
  for (let attempt = 0; current(); attempt++) {
    // Spreads the requests where many clients have lost a gateway together. The first list is needed at once: what it lacks is new.
    if (attempt > 0 || before !== undefined) await sleep(clock, backoff(attempt))
    if (!current()) return undefined
    const reply = await request().catch(() => undefined)
    if (reply !== undefined) return reply.conversations
  }
  return undefined
}

import type { MessageEvent as Message } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { type ChatClock, sleep } from './clock.ts'
import type { ChatError } from './errors.ts'
import type { HistoryOptions, HistoryPage, RoomEvents } from './types.ts'

/** How long to wait for a history that is down, or doesn't know yet where the client is. Live events wait meanwhile. */
const timeout = 30_000
const pageSize = 500
/** Where nothing of the room is known, one page has to hold all. */
const newestPage = 1000

/** Why what was missed can't be read. */
export type Hole = RoomEvents['gap']['why']

/**
 * Reads what was missed from history, page by page, from the event `after` on (from the beginning, if nothing of the room is
 * known), until there is no more. History may be behind: what follows then, the next join replays. Returns why the rest
 * can't be had, if it can't.
 */
export async function catchUp(options: {
  clock: ChatClock
  after: string | undefined
  /** Most messages to read. */
  most: number
  history(query: HistoryOptions): Promise<HistoryPage>
  /** Whether anybody is still interested. */
  wanted(): boolean
  message(message: Message): void
  /** The log had lost something before this message, or behind the last one. */
  lost(before: string | undefined): void
}): Promise<Hole | undefined> {
  const { clock, most, history, wanted, message, lost } = options
  const until = clock.monotonic() + timeout
  let { after } = options
  let read = 0
  for (let attempt = 0; wanted(); ) {
    try {
      if (most <= read) return 'too-many'
      const limit = Math.min(most - read, after === undefined ? newestPage : pageSize)
      const page = await history(after === undefined ? { limit } : { after, limit })
      if (!wanted()) return undefined
      // Of a room of which nothing was known, the newest page must be all there is.
      if (after === undefined && page.hasMoreBefore) return 'too-many'
      for (const one of page.messages) {
        if (page.gaps?.some(({ before }) => before === one.id)) lost(one.id)
        message(one)
      }
      if (page.gaps?.some(({ before }) => before === undefined)) lost(undefined)
      after = page.messages.at(-1)?.id ?? after
      read += page.messages.length
      if (!page.hasMoreAfter) return undefined
      attempt = 0
    } catch (problem) {
      const error = problem as ChatError
      // An event that history doesn't know (`bad-frame`) may be too new for it.
      if (!(error.retry || error.code === 'bad-frame') || clock.monotonic() > until) return 'unknown'
      await sleep(clock, 200 + backoff(attempt++))
    }
  }
  return undefined
}

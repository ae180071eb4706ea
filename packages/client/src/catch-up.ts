import type { MessageEvent as Message } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { type ChatClock, sleep } from './clock.ts'
import type { ChatError } from './errors.ts'
import type { HistoryOptions, HistoryPage, RoomEvents } from './types.ts'

/** Time (ms) to wait for a history that is down or doesn't know the client's last event yet. Live events wait meanwhile. */
const timeout = 30_000
const pageSize = 500
/** Size of the only page that is read if the client knows no event of the room: it must hold the whole room. */
const newestPage = 1000

/** Reason why missed events can't be read. */
export type Hole = RoomEvents['gap']['why']

/**
 * Reads missed messages from history, page by page, from the event `after` to the end (from the beginning if no event of the room
 * is known). If history lags behind, the next join replays the rest. Returns the reason if it could not read to the end.
 */
export async function catchUp(options: {
  clock: ChatClock
  after: string | undefined
  /** Maximum number of messages to read. */
  most: number
  history(query: HistoryOptions): Promise<HistoryPage>
  /** Returns whether the caller still needs the result. */
  wanted(): boolean
  message(message: Message): void
  /** Reports that the log had lost something before this message, or after the last one if it is undefined. */
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
      // If no event of the room was known, the newest page must be the whole room.
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
      // History may not know a very new event yet, and answers `bad-frame`.
      if (!(error.retry || error.code === 'bad-frame') || clock.monotonic() > until) return 'unknown'
      await sleep(clock, 200 + backoff(attempt++))
    }
  }
  return undefined
}

import type { Clock } from '@rabble/clock'
import { type Conversation, RabbleError } from '@rabble/contract'
import type { HistoryClient } from '@rabble/history/client'
import { createTurns } from '@rabble/turns'

/** Maximum number of conversations in a list. */
const most = 200
/** Pause (ms) before the next question. */
const pause = 50
/** Maximum number of concurrent questions to history. */
const maxQuestions = 4

/** Lists the conversations of users, so that they find what a new contact said while they were away. */
export interface Conversations {
  /**
   * Lists the rooms of a user's direct messages, newest first, with all that this gateway had read from the log at the time of
   * the call. The call waits for its turn among `sharers`, as for `Turns`.
   * @throws RabbleError `unavailable` if history does not answer in time, or lags behind
   */
  list(user: string, sharers: readonly string[]): Promise<Conversation[]>
}

export function createConversations(options: {
  /** Without it, the list is empty. */
  history: HistoryClient | undefined
  /** Returns the offsets up to which this gateway has read each partition; -1 before the first batch. */
  positions: () => readonly number[]
  /** Timeout (ms) of history. */
  timeout: number
  clock: Clock
}): Conversations {
  const { history, positions, timeout, clock } = options
  const turns = createTurns({ active: maxQuestions }, clock)

  function unavailable(cause?: unknown): RabbleError {
    return new RabbleError('unavailable', 'the conversations can’t be listed right now', { cause })
  }

  async function ask(history: HistoryClient, user: string, reached: readonly number[], deadline: number) {
    while (clock.monotonic() < deadline) {
      try {
        const { through, rooms } = await history.directRooms(user, most)
        if (reached.every((offset, partition) => (through[partition] ?? -1) >= offset)) return rooms
      } catch (error) {
        throw unavailable(error)
      }
      await clock.sleep(pause)
    }
    throw unavailable()
  }

  return {
    async list(user, sharers) {
      if (history === undefined) return []
      const reached = [...positions()]
      const deadline = clock.monotonic() + timeout
      return turns.run(sharers, () => ask(history, user, reached, deadline))
    },
  }
}

import type { Clock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import { partitionOf } from '@rabble/event-log'
import type { HistoryClient, UserConversations } from '@rabble/history/client'
import { createTurns } from '@rabble/turns'
import type { Session } from '../sessions/session.ts'
import type { ConversationNews } from './news.ts'
import { maxWatched, type Watchers } from './watchers.ts'

/** Pause (ms) before the next question. */
const pause = 50
/** Maximum number of concurrent questions to history. */
const maxQuestions = 4

/** Begins to tell sessions of their conversations. */
export interface ConversationList {
  /**
   * Returns the newest conversations of a session's user, with all that this gateway had read from the log at the time of the
   * call. The session is told of all later changes.
   * @throws RabbleError `unavailable` if history does not answer in time, or lags behind
   */
  watch(session: Session, user: string, limit: number): Promise<UserConversations['page']>
}

export function createConversationList(options: {
  history: Pick<HistoryClient, 'conversations'> | undefined
  watchers: Watchers
  news: Pick<ConversationNews, 'record' | 'changed'>
  /** Returns the offsets up to which this gateway has read each partition; -1 before the first batch. */
  positions: () => readonly number[]
  partitions: number
  /** Timeout (ms) of history. */
  timeout: number
  clock: Clock
}): ConversationList {
  const { history, watchers, news, positions, partitions, timeout, clock } = options
  const turns = createTurns({ active: maxQuestions }, clock)

  async function ask(
    history: Pick<HistoryClient, 'conversations'>,
    session: Session,
    user: string,
    limit: number,
    deadline: number,
  ): Promise<UserConversations['page']> {
    const reached = [...positions()]
    while (clock.monotonic() < deadline && !session.closed) {
      const isChanged = news.record()
      try {
        const roles = session.roles.slice(0, 100)
        const { through, page, rooms } = await history.conversations(user, {
          roles,
          limit,
          rooms: maxWatched,
        })
        if (reached.every((offset, partition) => (through[partition] ?? -1) >= offset)) {
          for (const room of rooms) {
            watchers.enter(user, room)
            const partition = partitionOf(room, partitions)
            // The list may be from before the change.
            if (isChanged(room)) news.changed(room, { partition, offset: positions()[partition] ?? -1 })
          }
          return page
        }
      } catch (error) {
        throw unavailable(error)
      } finally {
        isChanged('')
      }
      await clock.sleep(pause)
    }
    throw unavailable()
  }

  return {
    async watch(session, user, limit) {
      if (history === undefined || session.closed) throw unavailable()
      const deadline = clock.monotonic() + timeout
      // Told of its own changes from now on: those are found by the user, not by the room.
      watchers.add(session, user)
      return turns.run(session.sharers, () => ask(history, session, user, limit, deadline))
    },
  }
}

function unavailable(cause?: unknown): RabbleError {
  return new RabbleError('unavailable', 'the conversations can’t be listed right now', { cause })
}

import type { HistoryClient } from '@rabble/history/client'
import type { Logger } from '@rabble/service'
import type { Metrics } from '../metrics.ts'

/**
 * Returns the same history, but counts each failed call. An outage is logged once when it begins, and once when every kind of
 * call that failed has succeeded again, for any caller.
 */
export function watchHistory(
  history: HistoryClient,
  { metrics, logger }: { metrics: Pick<Metrics, 'historyErrors'>; logger: Logger },
): HistoryClient {
  /** Kinds of calls that failed the last time. */
  const failing = new Set<keyof HistoryClient>()

  async function watch<Answer>(call: keyof HistoryClient, answer: Promise<Answer>): Promise<Answer> {
    try {
      const result = await answer
      if (failing.delete(call) && failing.size === 0) logger.info({}, 'history answers again')
      return result
    } catch (error) {
      metrics.historyErrors.inc()
      if (failing.size === 0) {
        logger.warn(
          { err: error, call },
          'history does not answer: clients that were away for long read it themselves, old messages can’t be changed or sent again, and conversations can’t be listed',
        )
      }
      failing.add(call)
      throw error
    }
  }

  return {
    replay: (query, user) => watch('replay', history.replay(query, user)),
    find: (room, id, user) => watch('find', history.find(room, id, user)),
    reaction: (...key) => watch('reaction', history.reaction(...key)),
    known: (room, ids) => watch('known', history.known(room, ids)),
    directRooms: (user, limit) => watch('directRooms', history.directRooms(user, limit)),
    conversations: (user, asked) => watch('conversations', history.conversations(user, asked)),
    conversationStates: (asked) => watch('conversationStates', history.conversationStates(asked)),
    receipts: (asked) => watch('receipts', history.receipts(asked)),
    contacts: (user, users) => watch('contacts', history.contacts(user, users)),
  }
}

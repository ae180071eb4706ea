import type { Clock } from '@rabble/clock'
import { afterAll, type MessageEvent, RabbleError, type User } from '@rabble/contract'
import type { HistoryClient } from '@rabble/history/client'
import { createTurns } from '@rabble/turns'
import type { Metrics } from '../metrics.ts'
import type { HistoryTimes } from './history-times.ts'
import type { RoomBuffers } from './room-buffers.ts'

/** First and maximum pause (ms) before looking again. */
const firstPause = 25
const maxPause = 400
/** Maximum number of concurrent questions to history. */
const maxQuestions = 8

/** Finds messages that are not in the room buffers, for users who want to change them. */
export interface MessageLookup {
  /**
   * Returns the current version of the message. `user` is the one who asks, and waits for its turn among `sharers`, as for
   * `Turns`.
   * @throws RabbleError `message-not-found`, `unavailable`; the latter within about 10 seconds
   */
  find(room: string, id: string, user: User, sharers: readonly string[]): Promise<MessageEvent>
}

/**
 * `unknown`: history has all that this gateway has, and not the message. `lagging`: history has not. `unable`: history did not
 * answer.
 */
type Answer = MessageEvent | 'unknown' | 'lagging' | 'unable'

export function createMessageLookup(options: {
  history: HistoryClient | undefined
  recent: RoomBuffers
  /** Returns the offset up to which this gateway has read the partition of a room. */
  position: (room: string) => number
  times: HistoryTimes
  clock: Clock
  metrics: Metrics
}): MessageLookup {
  const { history, recent, position, clock, metrics } = options
  const { timeout, notFoundGrace } = options.times
  const turns = createTurns({ active: maxQuestions })

  async function ask(room: string, id: string, user: User): Promise<Answer> {
    if (history === undefined) return 'unable'
    const reached = position(room)
    metrics.lookups.inc()
    try {
      const { through, message } = await history.find(room, id, user.id)
      if (message !== undefined) return afterAll(message, recent.changes(room, id))
      return (through ?? -1) >= reached ? 'unknown' : 'lagging'
    } catch {
      return 'unable'
    }
  }

  return {
    async find(room, id, user, sharers) {
      const began = clock.monotonic()
      for (let pause = firstPause; ; pause = Math.min(2 * pause, maxPause)) {
        const waited = () => clock.monotonic() - began
        const answer =
          recent.message(room, id) ??
          (await turns.run(sharers, async () => (waited() > timeout ? 'lagging' : ask(room, id, user))))
        if (typeof answer === 'object') return answer
        if (answer === 'unknown' && waited() > notFoundGrace) {
          throw new RabbleError('message-not-found', 'there is no such message in this room')
        }
        if (waited() > (answer === 'unable' ? notFoundGrace : timeout)) {
          throw new RabbleError('unavailable', 'the author of this message can not be determined right now')
        }
        await clock.sleep(pause)
      }
    },
  }
}

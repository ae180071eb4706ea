import type { Clock } from '@rabble/clock'
import { RabbleError, type ReactionEvent, type User } from '@rabble/contract'
import type { HistoryClient } from '@rabble/history/client'
import { createTurns } from '@rabble/turns'
import type { RoomBuffers } from './room-buffers.ts'

/** Pause (ms) before the next question. */
const pause = 50
/** Maximum number of concurrent questions to history. */
const maxQuestions = 8
/** Maximum number of remembered reactions that did not come back through the log. */
const maxUnderway = 10_000

/** Reaction of a user with an emoji to a message. */
export type ReactionKey = Pick<ReactionEvent, 'room' | 'message' | 'emoji'> & { from: User }

/**
 * Knows how often users have reacted to messages with an emoji, so that each step is published once and under one id: from reactions
 * that are underway, from the room buffers, else from history.
 */
export interface ReactionRevisions {
  /**
   * Returns the revision of the last reaction; 0 if there was none. The question to history waits for its turn among `sharers`, as for
   * `Turns`.
   * @throws RabbleError `unavailable`
   */
  last(key: ReactionKey, sharers: readonly string[]): number | Promise<number>
  /** Notes that a reaction is being published. Resolve `published` with whether the log has it. */
  underway(reaction: ReactionEvent, published: Promise<boolean>): void
  /** Notes a reaction that came through the log, once it is in the room buffers. */
  arrived(reaction: ReactionEvent): void
}

export function createReactionRevisions(options: {
  history: HistoryClient | undefined
  recent: Pick<RoomBuffers, 'revision'>
  /** Returns the offset up to which this gateway has read the partition of a room. */
  position: (room: string) => number
  /** Time (ms) that a reaction waits for a history that lags behind or is slow. */
  timeout: number
  clock: Clock
}): ReactionRevisions {
  const { history, recent, position, timeout, clock } = options
  const turns = createTurns({ active: maxQuestions }, clock)
  const underway = new Map<string, number>()

  /** Asks until history has stored what this gateway had read at the time of the call. */
  async function ask(history: HistoryClient, key: ReactionKey, reached: number): Promise<number> {
    const deadline = clock.monotonic() + timeout
    let cause: unknown
    while (clock.monotonic() < deadline) {
      try {
        const { through, revision } = await history.reaction(key.room, key.message, key.from.id, key.emoji)
        if ((through ?? -1) >= reached) return revision
      } catch (error) {
        cause = error
        break
      }
      await clock.sleep(pause)
    }
    throw new RabbleError('unavailable', 'the reactions to this message can not be determined right now', {
      cause,
    })
  }

  function forget(reaction: ReactionEvent): void {
    const key = keyOf(reaction)
    if ((underway.get(key) ?? 0) <= reaction.revision) underway.delete(key)
  }

  return {
    last(key, sharers) {
      const { room, message, from, emoji } = key
      const known = underway.get(keyOf(key)) ?? recent.revision(room, message, from.id, emoji)
      if (known !== undefined) return known
      if (history === undefined) throw new RabbleError('unavailable', 'there is no history')
      const reached = position(room)
      return turns.run(sharers, () => ask(history, key, reached))
    },
    underway(reaction, published) {
      underway.set(keyOf(reaction), reaction.revision)
      for (const oldest of underway.keys()) {
        if (underway.size <= maxUnderway) break
        underway.delete(oldest)
      }
      void published.then((isThere) => {
        if (!isThere) forget(reaction)
      })
    },
    arrived: forget,
  }
}

function keyOf({ room, message, emoji, from }: ReactionKey): string {
  return JSON.stringify([room, message, from.id, emoji])
}

import type { Clock } from '@rabble/clock'
import { type Member, RabbleError } from '@rabble/contract'
import type { RoomsClient } from '@rabble/rooms/client'
import { createTurns } from '@rabble/turns'

/** Time (ms) for which an answer is reused for all callers. */
const fresh = 1_000
/** Maximum number of rooms with a kept or awaited answer, and of concurrent questions. */
const maxRooms = 1_000
const maxQuestions = 8

/** Lists the users in rooms, over all gateways. */
export interface Roster {
  /**
   * Returns the users in a room. The question waits for its turn among `sharers`, as for `Turns`.
   * @throws RabbleError `unavailable`
   */
  members(room: string, sharers: readonly string[]): Promise<{ users: Member[]; count: number }>
}

export function createRoster(options: {
  rooms: Pick<RoomsClient, 'members'>
  /** Maximum number of names in an answer. */
  limit: number
  clock: Clock
}): Roster {
  const { rooms, limit, clock } = options
  const answers = new Map<string, { at: number; members: Promise<{ users: Member[]; count: number }> }>()
  const turns = createTurns({ active: maxQuestions })

  function unavailable(cause?: unknown): RabbleError {
    return new RabbleError('unavailable', 'the members of the room can not be determined right now', {
      retryAfter: 1000,
      cause,
    })
  }

  return {
    members(room, sharers) {
      const now = clock.monotonic()
      const known = answers.get(room)
      if (known !== undefined && now - known.at < fresh) return known.members
      // The answers are in the order of the questions, so the oldest come first.
      for (const [name, { at }] of answers) {
        if (now - at < fresh) break
        answers.delete(name)
      }
      if (answers.size >= maxRooms) return Promise.reject(unavailable())
      const ask = () => {
        if (clock.monotonic() - now > 5 * fresh) throw new Error('too many ask')
        return rooms.members(room, limit)
      }
      const members = turns
        .run(sharers, async () => ask())
        .catch((error: unknown) => {
          if (answers.get(room)?.at === now) answers.delete(room)
          throw unavailable(error)
        })
      answers.delete(room)
      answers.set(room, { at: now, members })
      return members
    },
  }
}

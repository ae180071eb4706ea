import type { Clock } from '@rabble/clock'
import { RabbleError, type User } from '@rabble/contract'
import type { RoomsClient } from '@rabble/rooms/client'
import { createTurns } from '@rabble/turns'

/** How long (ms) an answer is good for all who ask. */
const fresh = 1_000
/** Rooms of which an answer is kept, or waited for; questions at a time. */
const maxRooms = 1_000
const maxQuestions = 8

/** Who is in a room over all gateways. */
export interface Roster {
  /** `sharers` say who asks, as for `Turns`. @throws RabbleError `unavailable` */
  members(room: string, sharers: readonly string[]): Promise<{ users: User[]; count: number }>
}

export function createRoster(options: {
  rooms: Pick<RoomsClient, 'members'>
  /** Maximum number of names in an answer. */
  limit: number
  clock: Clock
}): Roster {
  const { rooms, limit, clock } = options
  const answers = new Map<string, { at: number; members: Promise<{ users: User[]; count: number }> }>()
  const turns = createTurns({ active: maxQuestions })

  function unavailable(cause?: unknown): RabbleError {
    return new RabbleError('unavailable', 'who is in the room can not be found out right now', {
      retryAfter: 1000,
      cause,
    })
  }

  return {
    members(room, sharers) {
      const now = clock.monotonic()
      const known = answers.get(room)
      if (known !== undefined && now - known.at < fresh) return known.members
      // In the order of asking, so the first are the oldest.
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

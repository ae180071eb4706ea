import type { Clock } from '@rabble/clock'
import { RabbleError, roomKind } from '@rabble/contract'
import type { RoomsClient } from '@rabble/rooms/client'
import type { Identity } from '@rabble/service'

type Caller = Pick<Identity, 'user' | 'roles'> | undefined

/** Which rooms somebody may read. Whoever may enter a room may, and only the rooms service knows who that is. */
export interface Readers {
  /** @throws RabbleError `unauthorized`, `forbidden`, `unavailable` */
  check(room: string, caller: Caller): Promise<void>
  /**
   * All rooms that somebody may not read, as they are now.
   * @throws RabbleError `forbidden` if that is every room, `unavailable`
   */
  hidden(caller: Caller): Promise<string[]>
}

/** Milliseconds that an answer counts for; while the service can't be asked, the last one does. */
const lasting = 10_000
const mostAnswers = 20_000

/** Without `rooms` every room is for everybody. `requireToken`: there is nobody who reads without saying who it is. */
export function createReaders(
  rooms: Pick<RoomsClient, 'readable' | 'hidden'> | undefined,
  { clock, requireToken }: { clock: Clock; requireToken: boolean },
): Readers {
  /** By user and room; the empty user is nobody, and what nobody may read is for all. */
  const answers = new Map<string, { readable: boolean; at: number }>()
  const keyOf = (user: string, room: string) => `${user}\n${room}`

  function remember(user: string, asked: readonly string[], readable: readonly string[]): void {
    const found = new Set(readable)
    for (const room of asked) {
      const key = keyOf(user, room)
      // Taken out and put back, so that the oldest comes first.
      answers.delete(key)
      answers.set(key, { readable: found.has(room), at: clock.monotonic() })
    }
    for (const key of answers.keys()) {
      if (answers.size <= mostAnswers) return
      answers.delete(key)
    }
  }

  async function ask(asked: readonly string[], user: string): Promise<Set<string>> {
    const fresh = clock.monotonic() - lasting
    const unknown = asked.filter(
      (room) => (answers.get(keyOf(user, room))?.at ?? Number.NEGATIVE_INFINITY) < fresh,
    )
    if (unknown.length > 0 && rooms !== undefined) {
      const reader = user === '' ? {} : { user }
      await rooms.readable(unknown, reader).then(
        (readable) => remember(user, unknown, readable),
        (cause: unknown) => {
          if (unknown.every((room) => answers.has(keyOf(user, room)))) return
          throw unavailable(cause)
        },
      )
    }
    return new Set(asked.filter((room) => answers.get(keyOf(user, room))?.readable === true))
  }

  async function readable(asked: readonly string[], caller: Caller): Promise<Set<string>> {
    if (rooms === undefined || caller?.roles.includes('moderator')) return new Set(asked)
    const named = asked.filter((room) => roomKind(room)?.kind === 'room')
    // Where everybody is known, a ban also closes rooms that aren't only for those who are invited.
    const open = requireToken ? new Set<string>() : await ask(named, '')
    const closed = named.filter((room) => !open.has(room))
    const own = closed.length === 0 || caller === undefined ? [] : await ask(closed, caller.user.id)
    return new Set([...asked.filter((room) => !named.includes(room)), ...open, ...own])
  }

  return {
    async hidden(caller) {
      if (rooms === undefined || caller?.roles.includes('moderator')) return []
      const { everything, names } = await rooms.hidden(caller?.user.id).catch((cause: unknown) => {
        throw unavailable(cause)
      })
      if (everything) throw new RabbleError('forbidden', 'you may read no room')
      return names
    },
    async check(room, caller) {
      if ((await readable([room], caller)).has(room)) return
      throw new RabbleError(caller === undefined ? 'unauthorized' : 'forbidden', 'you may not read this room')
    },
  }
}

function unavailable(cause: unknown): RabbleError {
  const message = 'who may read this can’t be found out just now'
  return new RabbleError('unavailable', message, { retryAfter: 2_000, cause })
}

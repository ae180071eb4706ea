import type { Clock } from '@rabble/clock'
import { RabbleError, roomKind } from '@rabble/contract'
import type { Logger } from '@rabble/event-log'
import type { RoomsClient } from '@rabble/rooms/client'
import type { PolicyCopy } from '@rabble/rooms/policy-copy'
import type { Identity } from '@rabble/service'
import type { HistoryMetrics } from '../metrics.ts'

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

/** Where answers come from. */
export interface ReadersSource {
  /** Asked of rooms for those who are invited, and of all while there are no policies yet. */
  rooms: Pick<RoomsClient, 'readable' | 'hidden'>
  /** Answer for all other rooms, whether the rooms service is there or not. */
  policies: Pick<PolicyCopy, 'loaded' | 'failing' | 'room' | 'find'>
}

/** Milliseconds that an answer counts for; while the service can't be asked, the last one does. */
const lasting = 10_000
const maxAnswers = 20_000

/** Without `source` every room is for everybody. `requireToken`: there is nobody who reads without saying who it is. */
export function createReaders(
  source: ReadersSource | undefined,
  options: {
    clock: Clock
    requireToken: boolean
    metrics: Pick<HistoryMetrics, 'roomsErrors'>
    logger: Logger
  },
): Readers {
  const { clock, requireToken, metrics, logger } = options
  let failing = false
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
      if (answers.size <= maxAnswers) return
      answers.delete(key)
    }
  }

  /** Counts that the rooms service does not answer, and tells of it once. */
  async function answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      const result = await answer
      if (failing) logger.info({}, 'the rooms service says again who may read what')
      failing = false
      return result
    } catch (error) {
      metrics.roomsErrors.inc()
      if (!failing) logger.warn({ err: error }, 'the rooms service does not say who may read what')
      failing = true
      throw error
    }
  }

  async function ask({ rooms, policies }: ReadersSource, asked: readonly string[], user: string) {
    const fresh = clock.monotonic() - lasting
    const unknown = asked.filter(
      (room) => (answers.get(keyOf(user, room))?.at ?? Number.NEGATIVE_INFINITY) < fresh,
    )
    const known = () => unknown.every((room) => answers.has(keyOf(user, room)))
    // Nobody waits for a service that is known not to answer.
    if (unknown.length > 0 && !(policies.failing && known())) {
      const reader = user === '' ? {} : { user }
      await answered(rooms.readable(unknown, reader)).then(
        (readable) => remember(user, unknown, readable),
        (cause: unknown) => {
          if (!known()) throw unavailable(cause)
        },
      )
    }
    return asked.filter((room) => answers.get(keyOf(user, room))?.readable === true)
  }

  async function readable(asked: readonly string[], caller: Caller): Promise<Set<string>> {
    if (source === undefined || caller?.roles.includes('moderator')) return new Set(asked)
    const { policies } = source
    const named = new Set(asked.filter((room) => roomKind(room)?.kind === 'room'))
    const isGuarded = (room: string) => !policies.loaded || policies.room(room)?.inviteOnly === true
    const isBanned = (room: string) =>
      caller !== undefined && policies.find('ban', caller.user.id, room) !== undefined
    const guarded = [...named].filter((room) => isGuarded(room) && !isBanned(room))
    // What anybody may read who doesn't say who it is, a ban closes only where everybody is known.
    const isOpen = (room: string) => !isGuarded(room) && !(requireToken && isBanned(room))
    const open = asked.filter((room) => !named.has(room) || isOpen(room))
    const isHopeless = guarded.length === 0 || (policies.loaded && caller === undefined)
    const own = isHopeless ? [] : await ask(source, guarded, caller?.user.id ?? '')
    return new Set([...open, ...own])
  }

  return {
    async hidden(caller) {
      if (source === undefined || caller?.roles.includes('moderator')) return []
      const answer = answered(source.rooms.hidden(caller?.user.id))
      const { everything, names } = await answer.catch((cause: unknown) => {
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

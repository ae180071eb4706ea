import type { Clock } from '@rabble/clock'
import { RabbleError, roomKind } from '@rabble/contract'
import type { Logger } from '@rabble/event-log'
import type { RoomsClient } from '@rabble/rooms/client'
import type { PolicyCopy } from '@rabble/rooms/policy-copy'
import type { Identity } from '@rabble/service'
import type { HistoryMetrics } from '../metrics.ts'

type Caller = Pick<Identity, 'user' | 'roles'> | undefined

/** Decides which rooms a caller may read: those that it may enter, which only the rooms service knows. */
export interface Readers {
  /** @throws RabbleError `unauthorized`, `forbidden`, `unavailable` */
  check(room: string, caller: Caller): Promise<void>
  /**
   * Returns those of some rooms that a caller may read.
   * @throws RabbleError `unavailable`
   */
  readable(rooms: readonly string[], caller: Caller): Promise<ReadonlySet<string>>
  /**
   * Returns all rooms that a caller may not read now.
   * @throws RabbleError `forbidden` if that is every room, `unavailable`
   */
  hidden(caller: Caller): Promise<string[]>
  /** @throws RabbleError `forbidden` if a user is banned everywhere, `unavailable` while that is not known */
  checkBan(user: string): void
}

/** Sources of the answers. */
export interface ReadersSource {
  /** Asked about invite-only rooms, and about all rooms while there are no policies yet. */
  rooms: Pick<RoomsClient, 'readable' | 'hidden'>
  /** Answer for all other rooms, whether the rooms service is available or not. */
  policies: Pick<PolicyCopy, 'loaded' | 'failing' | 'room' | 'find'>
}

/** Time (ms) for which an answer counts. While the rooms service is unavailable, the last answer counts. */
const lasting = 10_000
const maxAnswers = 20_000

/** Creates the readers. Without `source`, every room is open. `requireToken`: there are no anonymous readers. */
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
  /** Answers by user and room. The empty user is an anonymous reader, and everybody may read what that one may read. */
  const answers = new Map<string, { readable: boolean; at: number }>()
  const keyOf = (user: string, room: string) => `${user}\n${room}`

  function remember(user: string, asked: readonly string[], readable: readonly string[]): void {
    const found = new Set(readable)
    for (const room of asked) {
      const key = keyOf(user, room)
      // Deleted and set again, so that the oldest comes first.
      answers.delete(key)
      answers.set(key, { readable: found.has(room), at: clock.monotonic() })
    }
    for (const key of answers.keys()) {
      if (answers.size <= maxAnswers) return
      answers.delete(key)
    }
  }

  /** Counts that the rooms service does not answer, and logs it once. */
  async function answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      const result = await answer
      if (failing) logger.info({}, 'the rooms service answers again about permissions to read')
      failing = false
      return result
    } catch (error) {
      metrics.roomsErrors.inc()
      if (!failing) logger.warn({ err: error }, 'the rooms service does not answer about permissions to read')
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
    // No request waits for a service that is known to be unavailable.
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
    // A banned user could read an open room anonymously. A ban closes it only where there are no anonymous readers.
    const isOpen = (room: string) => !isGuarded(room) && !(requireToken && isBanned(room))
    const open = asked.filter((room) => !named.has(room) || isOpen(room))
    const isHopeless = guarded.length === 0 || (policies.loaded && caller === undefined)
    const own = isHopeless ? [] : await ask(source, guarded, caller?.user.id ?? '')
    return new Set([...open, ...own])
  }

  return {
    readable,
    async hidden(caller) {
      if (source === undefined || caller?.roles.includes('moderator')) return []
      const answer = answered(source.rooms.hidden(caller?.user.id))
      const { everything, names } = await answer.catch((cause: unknown) => {
        throw unavailable(cause)
      })
      if (everything) throw new RabbleError('forbidden', 'you may read no room')
      return names
    },
    checkBan(user) {
      if (source === undefined) return
      if (!source.policies.loaded) throw unavailable(undefined)
      if (source.policies.find('ban', user) !== undefined) {
        throw new RabbleError('forbidden', 'you are banned')
      }
    },
    async check(room, caller) {
      if ((await readable([room], caller)).has(room)) return
      throw new RabbleError(caller === undefined ? 'unauthorized' : 'forbidden', 'you may not read this room')
    },
  }
}

function unavailable(cause: unknown): RabbleError {
  const message = 'the permission to read this can’t be checked right now'
  return new RabbleError('unavailable', message, { retryAfter: 2_000, cause })
}

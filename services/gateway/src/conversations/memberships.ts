import { randomBytes } from 'node:crypto'
import type { Clock } from '@rabble/clock'
import type {
  MembershipEvent,
  MuteEvent,
  PersonalEvent,
  PrivacyEvent,
  ReadEvent,
  SeenEvent,
} from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import type { Session } from '../sessions/session.ts'

/** Maximum number of memberships that are remembered. */
const maxKnown = 200_000
/** Pause (ms) before a membership is written again that the log has refused. */
const pause = 1_000

type Own<Event extends PersonalEvent> = Pick<Event, 'type' | 'room' | 'user'> &
  Omit<Event, 'id' | 'at' | 'via'>
type NewPersonalEvent =
  | Own<MembershipEvent>
  | Own<ReadEvent>
  | Own<MuteEvent>
  | Own<PrivacyEvent>
  | Own<SeenEvent>

/** Writes what users do with their conversations into the log, and remembers who is a member of which room. */
export interface Memberships {
  /** Makes the user of a session in a room a member of it, unless that is known. */
  entered(session: Session, room: string): void
  /**
   * Ends a membership. Resolves once the log has it.
   * @throws RabbleError `unavailable`
   */
  leave(user: string, room: string): Promise<string>
  /** Whether a user is known to be a member. False for a member whom this gateway has forgotten. */
  has(user: string, room: string): boolean
  /** Notes a membership that has come through the log. */
  noted(event: MembershipEvent): void
  /**
   * Writes an event of a user. Resolves to its id once the log has it.
   * @throws RabbleError `unavailable`
   */
  publish(event: NewPersonalEvent): Promise<string>
}

/** `isKept`: whether there is a history service, without which nobody reads these events. */
export function createMemberships(options: {
  gateway: string
  isKept: boolean
  log: Pick<EventLog, 'publish'>
  clock: Clock
}): Memberships {
  const { gateway, isKept, log, clock } = options
  /** The latest are at the end. */
  const known = new Set<string>()
  const keyOf = (user: string, room: string) => `${user}\n${room}`

  function remember(key: string): void {
    known.delete(key)
    known.add(key)
    for (const oldest of known) {
      if (known.size <= maxKnown) return
      known.delete(oldest)
    }
  }

  async function publish(event: NewPersonalEvent): Promise<string> {
    const id = randomBytes(16).toString('base64url')
    const at = new Date(clock.now()).toISOString()
    await log.publish({ ...event, id, at, via: gateway } as PersonalEvent)
    return id
  }

  /** Writes a membership, however often the log refuses it, while the session is in the room. */
  async function begin(session: Session, user: string, room: string): Promise<void> {
    const key = keyOf(user, room)
    while (session.rooms.has(room)) {
      remember(key)
      try {
        await publish({ type: 'membership', room, user, member: true })
        return
      } catch {
        // Others may enter meanwhile, and try too.
        known.delete(key)
        await clock.sleep(pause, { ref: false })
      }
    }
  }

  return {
    publish,
    has: (user, room) => known.has(keyOf(user, room)),
    entered(session, room) {
      const user = session.user?.id
      if (isKept && user !== undefined && !known.has(keyOf(user, room))) void begin(session, user, room)
    },
    async leave(user, room) {
      const key = keyOf(user, room)
      const wasKnown = known.delete(key)
      try {
        return await publish({ type: 'membership', room, user, member: false })
      } catch (error) {
        if (wasKnown) remember(key)
        throw error
      }
    },
    noted({ user, room, member }) {
      if (member) remember(keyOf(user, room))
      else known.delete(keyOf(user, room))
    },
  }
}

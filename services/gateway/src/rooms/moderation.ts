import type { Clock } from '@rabble/clock'
import type { ErrorCode, KickSignal } from '@rabble/contract'
import type { KickPolicy, SessionPolicy, UserPolicy } from '@rabble/rooms/client'
import { createDuplicateFilter } from '../log/duplicate-filter.ts'
import type { Hub } from '../sessions/hub.ts'
import type { Session } from '../sessions/session.ts'
import { banSentence } from './policies.ts'
import type { ServiceTime } from './service-time.ts'

/** Minimum number of remembered kicks. A kick comes first as a signal and soon again with the policies. */
const rememberedKicks = 10_000

/** Removes users who may not stay. */
export interface Moderation {
  /** Removes a user from a room or from the gateway, once for each id. Returns false if that was done already. */
  kick(kick: KickSignal | KickPolicy): boolean
  /** Applies new bans. */
  ban(bans: readonly UserPolicy[]): void
  /** Closes the connections of a browser's session that has ended. */
  endSession(session: Pick<SessionPolicy, 'user' | 'session'>): void
  /** Closes all connections of a user. */
  disconnect(user: string, message: string): void
  /** Removes a user from a room, for any reason. */
  evict(user: string, room: string, code: ErrorCode, message: string): void
  /** Removes all members from a room. */
  clear(room: string, code: ErrorCode, message: string): void
}

export function createModeration(
  hub: Pick<Hub, 'leave' | 'sessionsOf' | 'members'>,
  time: Pick<ServiceTime, 'now'>,
  clock: Clock,
): Moderation {
  const kicks = createDuplicateFilter(rememberedKicks, clock)

  function leave(session: Session, room: string, code: ErrorCode, message: string): void {
    hub.leave(session, room)
    session.reply({ type: 'left', room, code, message })
  }

  function evict(user: string, room: string, code: ErrorCode, message: string): void {
    for (const session of hub.sessionsOf(user)) {
      if (session.rooms.has(room)) leave(session, room, code, message)
    }
  }

  function disconnect(user: string, message: string): void {
    for (const session of hub.sessionsOf(user)) session.close('policy', closeReason(message))
  }

  return {
    endSession({ user, session: ended }) {
      for (const session of hub.sessionsOf(user)) {
        if (session.login === ended) session.close('tokenExpired', 'the user has signed out', true)
      }
    },
    disconnect,
    evict,
    kick({ id, user, room, message }) {
      if (id !== undefined && !kicks.add(id)) return false
      if (room === undefined) disconnect(user, message)
      else evict(user, room, 'forbidden', message)
      return true
    },
    ban(bans) {
      const now = time.now()
      for (const ban of bans) {
        if ((ban.expiresAt ?? Number.POSITIVE_INFINITY) <= now) continue
        if (ban.room === undefined) disconnect(ban.user, banSentence(ban))
        else evict(ban.user, ban.room, 'forbidden', banSentence(ban))
      }
    },
    clear(room, code, message) {
      for (const session of hub.members(room)) leave(session, room, code, message)
    },
  }
}

/**
 * Returns the beginning of a message that fits into a close frame: 123 bytes of UTF-8 (RFC 6455, section 5.5). A grapheme is not
 * cut in two.
 */
function closeReason(message: string): string {
  let bytes = 0
  for (const { segment, index } of new Intl.Segmenter().segment(message)) {
    bytes += Buffer.byteLength(segment)
    if (bytes > 123) return message.slice(0, index)
  }
  return message
}

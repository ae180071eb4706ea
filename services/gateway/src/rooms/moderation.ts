import type { Clock } from '@rabble/clock'
import type { ErrorCode, KickSignal } from '@rabble/contract'
import type { KickPolicy, UserPolicy } from '@rabble/rooms/client'
import { createDuplicateFilter } from '../log/duplicate-filter.ts'
import type { Hub } from '../sessions/hub.ts'
import type { Session } from '../sessions/session.ts'
import { banSentence } from './policies.ts'
import type { ServiceTime } from './service-time.ts'

/** Kicks that are remembered, at least: who is told of one by a signal soon finds it among the policies. */
const rememberedKicks = 10_000

/** Puts people out who may not stay. */
export interface Moderation {
  /** A user, out of a room or of the gateway; of the same id once. False if that was done already. */
  kick(kick: KickSignal | KickPolicy): boolean
  /** These bans are new. */
  ban(bans: readonly UserPolicy[]): void
  /** Closes all connections of a user. */
  disconnect(user: string, message: string): void
  /** Puts a user out of a room, for whatever reason. */
  evict(user: string, room: string, code: ErrorCode, message: string): void
  /** Puts everybody out of a room. */
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

/** A close frame has room for 123 bytes of UTF-8 (RFC 6455, section 5.5). What people see as one character is not cut in two. */
function closeReason(message: string): string {
  let bytes = 0
  for (const { segment, index } of new Intl.Segmenter().segment(message)) {
    bytes += Buffer.byteLength(segment)
    if (bytes > 123) return message.slice(0, index)
  }
  return message
}

import type { Clock } from '@rabble/clock'
import type { ErrorCode, KickSignal } from '@rabble/contract'
import type { KickPolicy, UserPolicy } from '@rabble/rooms/client'
import type { Hub } from '../hub.ts'
import { createSeen } from '../seen.ts'
import type { Session } from '../session.ts'
import { banSentence } from './policies.ts'

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
  putOut(user: string, room: string, code: ErrorCode, message: string): void
  /** Puts everybody out of a room. */
  clear(room: string, code: ErrorCode, message: string): void
}

export function createModeration(
  hub: Pick<Hub, 'leave' | 'sessionsOf' | 'members'>,
  clock: Clock,
): Moderation {
  const kicks = createSeen(rememberedKicks)

  function leave(session: Session, room: string, code: ErrorCode, message: string): void {
    hub.leave(session, room)
    session.reply({ type: 'left', room, code, message })
  }

  function putOut(user: string, room: string, code: ErrorCode, message: string): void {
    for (const session of hub.sessionsOf(user)) {
      if (session.rooms.has(room)) leave(session, room, code, message)
    }
  }

  function disconnect(user: string, message: string): void {
    for (const session of hub.sessionsOf(user)) session.close('policy', closeReason(message))
  }

  return {
    disconnect,
    putOut,
    kick({ id, user, room, message }) {
      if (id !== undefined && !kicks.add(id)) return false
      if (room === undefined) disconnect(user, message)
      else putOut(user, room, 'forbidden', message)
      return true
    },
    ban(bans) {
      const now = clock.now()
      for (const ban of bans) {
        if ((ban.expiresAt ?? Number.POSITIVE_INFINITY) <= now) continue
        if (ban.room === undefined) disconnect(ban.user, banSentence(ban))
        else putOut(ban.user, ban.room, 'forbidden', banSentence(ban))
      }
    },
    clear(room, code, message) {
      for (const session of hub.members(room)) leave(session, room, code, message)
    },
  }
}

/** A close frame has room for 123 bytes of UTF-8 (RFC 6455, section 5.5). */
function closeReason(message: string): string {
  const bytes = Buffer.alloc(123)
  const { written } = new TextEncoder().encodeInto(message, bytes)
  return bytes.toString('utf8', 0, written)
}

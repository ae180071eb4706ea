import { RabbleError } from '@rabble/contract'
import type { Tokens } from '@rabble/service'
import type { Rooms } from '../rooms/index.ts'
import { moderatesHere } from '../rooms/members-here.ts'
import type { Hub } from '../sessions/hub.ts'
import { type AdmitParts, admit, settle } from './admit.ts'
import { type Command, withRef } from './command.ts'
import { type RefusalParts, recordRefusal } from './hello.ts'

export interface RefreshParts extends AdmitParts, RefusalParts {
  readonly tokens: Pick<Tokens, 'verify'>
  readonly hub: Pick<Hub, 'sessionsOf'>
  readonly rooms: Pick<Rooms, 'policies' | 'names' | 'audit' | 'seats'> | undefined
}

/**
 * Replaces the token of the session by another one of its user. The new token decides when the session ends and what the user may
 * do. The user keeps its name.
 */
export const refresh: Command<'refresh', RefreshParts> = async (parts, session, frame) => {
  const { user } = session
  session.takeRefresh()
  const renew = async () => {
    const known = await parts.tokens.verify(frame.token)
    if (known.user.id !== user.id) throw new RabbleError('forbidden', 'this token is of another user')
    return admit(parts, { ...known, user })
  }
  const entry = await renew().catch((error: unknown) => {
    recordRefusal(parts, error, user)
    throw error
  })
  // The session ended while its name was claimed again.
  if (session.closed) {
    parts.rooms?.names.gone(user, false)
    return
  }
  session.reply({ type: 'refreshed', ...withRef(frame.ref), ...settle(parts, session, entry) })
  for (const room of session.rooms) {
    parts.rooms?.seats.moderates(room, user.id, moderatesHere(parts.hub, room, user.id))
  }
}

import { RabbleError, type User } from '@rabble/contract'
import type { Identity } from '@rabble/service'
import type { Session } from '../sessions/session.ts'
import type { Context } from './command.ts'

/** Who comes in, until when (milliseconds since 1970) unless for as long as the name is held, and how to come back. */
export interface Entry {
  user: User
  roles: readonly string[]
  guest: boolean
  /** Whether nobody had this id before. */
  isNew?: boolean
  expiresAt?: number
  /** For a guest: a new token, and when it ends. */
  fresh?: { token: string; expiresAt: number }
}

/**
 * Decides whether somebody whom a token names may be here, and claims the name for as long as the token is good.
 * @throws RabbleError `forbidden`, `name-taken`, `unavailable`
 */
export async function admit({ auth, rooms }: Context, known: Identity): Promise<Entry> {
  const { user, guest, expiresAt } = known
  await rooms?.policies.checkEntry(user.id)
  if (auth !== 'guest' || rooms === undefined) return known
  const account = guest ? {} : { account: expiresAt }
  const claim = { name: user.name, user: user.id, ...account }
  const claimed = await rooms.names.claim(claim).catch((error: unknown) => {
    // The token says whose the name is; it is claimed when that can be done again.
    if (error instanceof RabbleError && error.code === 'unavailable') return undefined
    throw error
  })
  await rooms.policies.checkEntry(user.id)
  return claimed === undefined || !guest ? known : { user, roles: [], guest, ...freshToken(claimed) }
}

export function freshToken({
  token,
  expiresAt,
}: {
  token?: string
  expiresAt: number
}): Pick<Entry, 'fresh'> {
  return token === undefined ? {} : { fresh: { token, expiresAt } }
}

/** The session is that of the entry from now on. Returns what its client is told of its token. */
export function settle(
  { auth, rooms, clock }: Context,
  session: Session,
  { user, roles, guest, expiresAt, fresh }: Entry,
): { token?: string; expiresIn?: number } {
  session.roles = roles
  session.expiresAt = expiresAt
  // Where no guest may enter, nobody's name has to be held.
  if (auth === 'guest') rooms?.names.arrived(user, guest ? undefined : expiresAt)
  const ends = fresh?.expiresAt ?? expiresAt
  return {
    ...(fresh !== undefined && { token: fresh.token }),
    ...(ends !== undefined && { expiresIn: Math.max(0, Math.floor(ends - clock.now())) }),
  }
}

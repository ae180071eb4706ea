import type { Clock } from '@rabble/clock'
import { RabbleError, type User } from '@rabble/contract'
import type { Identity } from '@rabble/service'
import type { Rooms } from '../rooms/index.ts'
import type { Session } from '../sessions/session.ts'

/** Parts that the admission of a client needs. */
export interface AdmitParts {
  /** `guest`: a name is enough. `jwt`: a token is required. */
  readonly auth: 'guest' | 'jwt'
  /** Undefined if there is no rooms service. */
  readonly rooms: Pick<Rooms, 'policies' | 'names'> | undefined
  readonly clock: Pick<Clock, 'now'>
}

/** A client that was admitted. */
export interface Entry {
  user: User
  roles: readonly string[]
  guest: boolean
  /** Id of the browser's session that the token belongs to. */
  session?: string
  /** Whether the id is a new one. */
  isNew?: boolean
  /** Time at which the token expires (ms since 1970). Absent: the session lasts for as long as the name is held. */
  expiresAt?: number
  /** Of a guest: a new token, and the time at which it expires (ms since 1970). */
  fresh?: { token: string; expiresAt: number }
}

/**
 * Checks that the user of a token may connect and, where guests may enter, claims the user's name until the token expires.
 * @throws RabbleError `unauthorized` if the token's session has ended, `forbidden`, `name-taken`, `unavailable`
 */
export async function admit({ auth, rooms }: AdmitParts, known: Identity): Promise<Entry> {
  const { user, guest, expiresAt } = known
  await rooms?.policies.checkEntry(user.id)
  rooms?.policies.checkSession(known.session)
  if (auth !== 'guest' || rooms === undefined) return known
  const account = guest ? {} : { account: expiresAt }
  const claim = { name: user.name, user: user.id, ...account }
  const claimed = await rooms.names.claim(claim).catch((error: unknown) => {
    // The token proves whose name it is. The name is claimed once the service answers again.
    if (error instanceof RabbleError && error.code === 'unavailable') return undefined
    throw error
  })
  await rooms.policies.checkEntry(user.id)
  rooms.policies.checkSession(known.session)
  // A guest with a session gets its tokens there, so that no token outlives the session.
  const keeps = claimed === undefined || !guest || known.session !== undefined
  return keeps ? known : { user, roles: [], guest, ...freshToken(claimed) }
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

/** Assigns the entry to the session. Returns the fields of the reply that concern its token. */
export function settle(
  { auth, rooms, clock }: AdmitParts,
  session: Session,
  { user, roles, guest, session: login, expiresAt, fresh }: Entry,
): { token?: string; expiresIn?: number } {
  session.roles = roles
  session.expiresAt = expiresAt
  session.login = login
  // Where guests may not enter, no name has to be held.
  if (auth === 'guest') rooms?.names.arrived(user, guest ? undefined : expiresAt)
  const ends = fresh?.expiresAt ?? expiresAt
  return {
    ...(fresh !== undefined && { token: fresh.token }),
    ...(ends !== undefined && { expiresIn: Math.max(0, Math.floor(ends - clock.now())) }),
  }
}

import type { Clock } from '@rabble/clock'
import { RabbleError, type User } from '@rabble/contract'
import type { Identity } from '@rabble/service'
import type { Rooms } from '../rooms/index.ts'
import type { Session } from '../sessions/session.ts'

/** What deciding about a client needs. */
export interface AdmitParts {
  /** `guest`: a name is enough; `jwt`: a token only. */
  readonly auth: 'guest' | 'jwt'
  /** Absent where each gateway is alone. */
  readonly rooms: Pick<Rooms, 'policies' | 'names'> | undefined
  readonly clock: Pick<Clock, 'now'>
}

/** A client that may come in. */
export interface Entry {
  user: User
  roles: readonly string[]
  guest: boolean
  /** Whether nobody had this id before. */
  isNew?: boolean
  /** When the token ends (milliseconds since 1970). Absent: the session lasts as long as the name is held. */
  expiresAt?: number
  /** For a guest: a new token, and when it ends. */
  fresh?: { token: string; expiresAt: number }
}

/**
 * Decides whether somebody whom a token names may be here, and claims the name for as long as the token is good.
 * @throws RabbleError `forbidden`, `name-taken`, `unavailable`
 */
export async function admit({ auth, rooms }: AdmitParts, known: Identity): Promise<Entry> {
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
  { auth, rooms, clock }: AdmitParts,
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

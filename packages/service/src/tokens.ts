import { type Clock, systemClock } from '@rabble/clock'
import { isUserId, isUserName, RabbleError, type User } from '@rabble/contract'
import { errors, type JWTPayload } from 'jose'
import { isoTime } from './clock-watch.ts'
import { type ClaimChecks, createSignedClaims } from './signed-claims.ts'

/** User of a token, the roles beyond those of every user, and the expiry (milliseconds since 1970). */
export interface Identity {
  user: User
  roles: readonly string[]
  /** Whether the user is a guest. A guest's name must be reserved while it is used. */
  guest: boolean
  expiresAt: number
  /** Id of the session that the token belongs to. The token is not valid any more when that session has ended. */
  session?: string
}

export interface Tokens {
  /** Returns a token for `user` that is valid for `seconds`. */
  sign(user: User, seconds: number, roles?: readonly string[]): Promise<string>
  /** Returns a token for a guest, who never has a role. */
  signGuest(user: User, seconds: number): Promise<string>
  /** Returns a token of a session, which ends with the session at the latest. */
  signSession(session: SessionOfToken, seconds: number): Promise<string>
  /**
   * Returns the identity of a valid token.
   * @throws RabbleError `unauthorized` if it is forged, expired, for another audience, or not a token; `unavailable` if it can't
   * be checked now
   */
  verify(token: string): Promise<Identity>
}

/** A session that hands out tokens. */
export interface SessionOfToken {
  id: string
  user: User
  guest: boolean
  roles: readonly string[]
}

/** Audience of users' tokens. */
export const audience = 'rabble'

/** Claim with the id of the session. */
const sessionClaim = 'rabble_session'

/** Time (s) by which the issuer's clock may be ahead of this one. The expiry is exact by this clock nevertheless. */
const tolerance = 5

/** Maximum length of a token. Longer ones are refused without a check. */
export const maxTokenLength = 8192

/**
 * Creates and verifies the tokens that Rabble signs itself (RFC 7519, HS256), or that an application signs with the same secret.
 * Claims: audience `rabble`, `sub` (the user's id), `name`, `exp` and, optionally, `roles`: a list of strings, of which each
 * service uses those that it knows. Without a secret no token is valid; without `guests` those of guests aren't. Tokens that were
 * signed with the secret `previous`, if there is one, are valid as well.
 */
export function createTokens(
  secret: string | undefined,
  {
    previous,
    guests = true,
    clock = systemClock,
  }: { previous?: string | undefined; guests?: boolean; clock?: Clock } = {},
): Tokens {
  if (secret === undefined) {
    const refuse = async () => {
      throw new RabbleError('unauthorized', 'tokens are not accepted here: RABBLE_SECRET is not set')
    }
    return { sign: refuse, signGuest: refuse, signSession: refuse, verify: refuse }
  }
  const signed = createSignedClaims(secret, previous)

  function sign(user: User, seconds: number, claims: JWTPayload): string {
    const now = Math.floor(clock.now() / 1000)
    const { id: sub, name } = user
    return signed.sign({ name, ...claims, sub, aud: audience, iat: now, exp: now + seconds })
  }

  return {
    sign: async (user, seconds, roles = []) => sign(user, seconds, roles.length > 0 ? { roles } : {}),
    async signGuest(user, seconds) {
      if (!guests) throw new RabbleError('forbidden', 'guests are not allowed here')
      return sign(user, seconds, { guest: true })
    },
    async signSession({ id, user, guest, roles }, seconds) {
      if (guest && !guests) throw new RabbleError('forbidden', 'guests are not allowed here')
      return sign(user, seconds, {
        [sessionClaim]: id,
        ...(guest && { guest }),
        ...(roles.length > 0 && { roles }),
      })
    },
    verify: (token) =>
      verifyUser(token, async (checks) => signed.verify(token, { ...checks, audience }), { guests, clock }),
  }
}

/**
 * Verifies a token of a user by the rules of all kinds of tokens. `check` verifies signature, audience, issuer and times; it may
 * throw its own RabbleError.
 */
export async function verifyUser(
  token: string,
  check: (checks: Omit<ClaimChecks, 'audience'>) => Promise<JWTPayload>,
  { guests, clock }: { guests: boolean; clock: Clock },
): Promise<Identity> {
  if (token.length > maxTokenLength) throw new RabbleError('unauthorized', 'the token is too long')
  const now = clock.now()
  const claims = await check({
    requiredClaims: ['sub', 'exp', 'name'],
    currentDate: new Date(now),
    clockTolerance: tolerance,
  }).catch((cause: unknown) => {
    if (cause instanceof RabbleError) throw cause
    throw new RabbleError('unauthorized', refusalOf(cause, now), { cause })
  })
  const identity = identityOf(claims, guests)
  if (identity.expiresAt <= now) throw new RabbleError('unauthorized', expired(identity.expiresAt, now))
  return identity
}

/** Returns the reason of a refusal. It names the times if they are the reason, since one of the two clocks may be wrong. */
function refusalOf(cause: unknown, now: number): string {
  if (cause instanceof errors.JWTExpired) return expired((cause.payload.exp ?? 0) * 1000, now)
  const early = cause instanceof errors.JWTClaimValidationFailed && cause.claim === 'nbf'
  const begin = early ? cause.payload.nbf : undefined
  if (typeof begin !== 'number') return 'the token is not valid'
  return `the token is not valid before ${isoTime(begin * 1000)}, and the clock here says ${isoTime(now)}`
}

function expired(end: number, now: number): string {
  return `the token has expired: it ended at ${isoTime(end)}, and the clock here says ${isoTime(now)}`
}

function identityOf(payload: JWTPayload, guests: boolean): Identity {
  const { sub: id, name, exp = 0, roles = [], guest = false, [sessionClaim]: session } = payload
  if (typeof id !== 'string' || !isUserId(id) || typeof name !== 'string' || !isUserName(name)) {
    throw new RabbleError('unauthorized', 'the token names no valid user')
  }
  if (!isListOfStrings(roles)) {
    throw new RabbleError('unauthorized', 'the roles of the token must be a list of strings')
  }
  if (typeof guest !== 'boolean') throw new RabbleError('unauthorized', 'the claim guest is true or false')
  if (guest && !guests)
    throw new RabbleError('unauthorized', 'the token is that of a guest, and guests are not allowed here')
  // Limits the expiry to the latest possible date: a token may have a number of hundreds of digits.
  const expiresAt = Math.min(exp * 1000, 8.64e15)
  return { user: { id, name }, roles, guest, expiresAt, ...(typeof session === 'string' && { session }) }
}

/** Returns a verifier that also refuses the tokens of sessions that have ended, as `hasEnded` knows them. */
export function checkingSessions<Verifier extends Pick<Tokens, 'verify'>>(
  tokens: Verifier,
  hasEnded: (session: string) => boolean | Promise<boolean>,
): Verifier {
  return {
    ...tokens,
    async verify(token: string) {
      const identity = await tokens.verify(token)
      if (identity.session === undefined || !(await hasEnded(identity.session))) return identity
      throw new RabbleError('unauthorized', 'the session of this token has ended')
    },
  }
}

function isListOfStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}

/** Returns the token of an `Authorization: Bearer` header, or undefined. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([^ ]+) *$/i.exec(header ?? '')?.[1]
}

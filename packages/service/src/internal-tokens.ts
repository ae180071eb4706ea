import { type Clock, systemClock } from '@rabble/clock'
import { isUserId, RabbleError } from '@rabble/contract'
import { errors, type JWTPayload } from 'jose'
import { clockTolerance, isoTime } from './clock-watch.ts'
import { createSignedClaims } from './signed-claims.ts'
import { maxTokenLength } from './tokens.ts'

/** Service that calls, and the id of the user on whose behalf, if there is one. */
export interface InternalCaller {
  /** Name of the service, such as `gateway`. */
  caller: string
  for?: string
}

export interface InternalTokens {
  sign(caller: InternalCaller): Promise<string>
  /** @throws RabbleError `unauthorized` */
  verify(token: string): Promise<InternalCaller>
}

/** Audience of services' tokens. It differs from the users', so that no token is valid as the other kind. */
const audience = 'rabble-internal'

/** Lifetime (s) of a token. */
const lifetime = 60

/**
 * Creates the tokens with which services identify themselves to each other, signed with their common secret. A token is valid for
 * `clockTolerance` longer than it says, since the machines' clocks may differ: otherwise a gateway whose clock is half a minute
 * behind would lose its lease. Tokens that were signed with the secret `previous`, if there is one, are valid as well.
 */
export function createInternalTokens(
  secret: string,
  { previous, clock = systemClock }: { previous?: string | undefined; clock?: Clock } = {},
): InternalTokens {
  const signed = createSignedClaims(secret, previous)

  function claimsOf(token: string): JWTPayload {
    try {
      return signed.verify(token, {
        audience,
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(clock.now()),
        clockTolerance: clockTolerance / 1000,
      })
    } catch (cause) {
      throw new RabbleError('unauthorized', refusalOf(cause, clock.now()), { cause })
    }
  }

  return {
    async sign({ caller: sub, for: user }) {
      const now = Math.floor(clock.now() / 1000)
      const behalf = user === undefined ? {} : { for: user }
      return signed.sign({ ...behalf, sub, aud: audience, iat: now, exp: now + lifetime })
    },
    async verify(token) {
      if (token.length > maxTokenLength) throw new RabbleError('unauthorized', 'the token is too long')
      const { sub: caller, aud, for: user } = claimsOf(token)
      // With a list of audiences one token could be valid as both kinds.
      const valid = typeof caller === 'string' && aud === audience
      if (!valid || (user !== undefined && (typeof user !== 'string' || !isUserId(user)))) {
        throw new RabbleError('unauthorized', 'the token names no service, or no valid user')
      }
      return { caller, ...(user !== undefined && { for: user }) }
    },
  }
}

/** Returns the reason of a refusal. For an expired token it names both clocks: only a caller whose clock is behind sends one. */
function refusalOf(cause: unknown, now: number): string {
  if (!(cause instanceof errors.JWTExpired)) return 'only services may call this, with a token of their own'
  const end = isoTime((cause.payload.exp ?? 0) * 1000)
  return `the token of this service ended at ${end}, and the clock here says ${isoTime(now)}: compare the clocks of both`
}

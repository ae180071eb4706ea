import { type Clock, systemClock } from '@rabble/clock'
import { isUserId, RabbleError } from '@rabble/contract'
import { errors, jwtVerify, SignJWT } from 'jose'
import { clockTolerance, isoTime } from './clock-watch.ts'
import { maxTokenLength } from './tokens.ts'

/** Which service calls, and the id of the user on whose behalf, if there is one. */
export interface InternalCaller {
  /** Such as `gateway`. */
  caller: string
  for?: string
}

export interface InternalTokens {
  sign(caller: InternalCaller): Promise<string>
  /** @throws RabbleError `unauthorized` */
  verify(token: string): Promise<InternalCaller>
}

/** Not the users', so that no user's token is one of these, nor the other way round. */
const audience = 'rabble-internal'

/** Seconds. */
const lifetime = 60
/** Milliseconds before its end at which a token is signed anew. */
const margin = 30_000
/** Tokens that are kept: one for each service and user on whose behalf it calls. */
const kept = 1000

/**
 * What services show each other when they call: tokens signed with the secret that all of them have. A token counts for
 * `clockTolerance` longer than it says, since the machines' clocks may differ: without that, a clock that is half a minute
 * behind costs a gateway its lease.
 */
export function createInternalTokens(
  secret: string,
  { clock = systemClock }: { clock?: Clock } = {},
): InternalTokens {
  const key = new TextEncoder().encode(secret)
  // In the order in which they were signed, which is that in which they end.
  const signed = new Map<string, { token: Promise<string>; until: number }>()

  function sign({ caller, for: user }: InternalCaller): Promise<string> {
    const now = Math.floor(clock.now() / 1000)
    return new SignJWT(user === undefined ? {} : { for: user })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(caller)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + lifetime)
      .sign(key)
  }

  return {
    sign(caller) {
      const name = `${caller.caller}\0${caller.for ?? ''}`
      const known = signed.get(name)
      if (known !== undefined && known.until > clock.now()) return known.token
      const token = sign(caller)
      signed.delete(name)
      signed.set(name, { token, until: clock.now() + lifetime * 1000 - margin })
      for (const oldest of signed.keys()) {
        if (signed.size <= kept) break
        signed.delete(oldest)
      }
      return token
    },
    async verify(token) {
      if (token.length > maxTokenLength) throw new RabbleError('unauthorized', 'the token is too long')
      const { payload } = await jwtVerify(token, key, {
        algorithms: ['HS256'],
        audience,
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(clock.now()),
        clockTolerance: clockTolerance / 1000,
      }).catch((cause: unknown) => {
        throw new RabbleError('unauthorized', refusalOf(cause, clock.now()), { cause })
      })
      const { sub: caller, aud, for: user } = payload
      // A list of audiences would make one token good for both.
      const valid = typeof caller === 'string' && aud === audience
      if (!valid || (user !== undefined && (typeof user !== 'string' || !isUserId(user)))) {
        throw new RabbleError('unauthorized', 'the token names no service, or no valid user')
      }
      return { caller, ...(user !== undefined && { for: user }) }
    },
  }
}

/** Names both clocks where a token has ended: only a caller whose clock is behind shows such a token. */
function refusalOf(cause: unknown, now: number): string {
  if (!(cause instanceof errors.JWTExpired)) return 'this is for services, which have a token of their own'
  const end = isoTime((cause.payload.exp ?? 0) * 1000)
  return `the token of this service ended at ${end}, and the clock here says ${isoTime(now)}: compare the clocks of both`
}

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { errors, type JWTPayload, type JWTVerifyOptions } from 'jose'

/** Checks of the claims of a token. Times count in whole seconds. */
export type ClaimChecks = Required<
  Pick<JWTVerifyOptions, 'requiredClaims' | 'currentDate' | 'clockTolerance'>
> & { audience: string; clockTolerance: number }

/**
 * Tokens with claims (RFC 7519) that are signed with a secret, always by HS256 (RFC 7518, section 3.2). jose would do the same
 * in the thread pool, which costs ten times as much, and services sign and verify at each call and for each guest.
 */
export interface SignedClaims {
  sign(claims: JWTPayload): string
  /**
   * Returns the claims of a valid token.
   * @throws an error of jose, such as `JWTExpired`, as jose's own check does
   */
  verify(token: string, checks: ClaimChecks): JWTPayload
}

const algorithm = 'HS256'
const header = encoded({ alg: algorithm })
/** Three parts of base64url without padding. A signature of 256 bits has 43 characters. */
const form = /^([\w-]+)\.([\w-]+)\.([\w-]{43})$/

/** Creates signed claims. Tokens that were signed with the secret `previous`, if there is one, are valid as well. */
export function createSignedClaims(secret: string, previous?: string): SignedClaims {
  const key = createSecretKey(secret, 'utf8')
  const keys = previous === undefined ? [key] : [key, createSecretKey(previous, 'utf8')]
  return {
    sign(claims) {
      const content = `${header}.${encoded(claims)}`
      return `${content}.${signatureOf(content, key)}`
    },
    verify(token, checks) {
      const [, head = '', body = '', signature = ''] = form.exec(token) ?? []
      // Compared as text: other texts may decode to the same bytes.
      const given = Buffer.from(signature)
      const signedWith = (key: KeyObject) =>
        timingSafeEqual(given, Buffer.from(signatureOf(`${head}.${body}`, key)))
      if (signature === '' || !keys.some(signedWith)) throw new errors.JWSSignatureVerificationFailed()
      const { alg, crit } = decoded(head)
      // `crit` names extensions that a recipient must understand (RFC 7515, section 4.1.11). None is understood here.
      if (alg !== algorithm || crit !== undefined) throw new errors.JOSEAlgNotAllowed()
      const claims: JWTPayload = decoded(body)
      check(claims, checks)
      return claims
    },
  }
}

function signatureOf(content: string, key: KeyObject): string {
  return createHmac('sha256', key).update(content).digest('base64url')
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decoded(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch {}
  throw new errors.JWTInvalid('a part of the token is no JSON object')
}

/** Checks claims by the rules of RFC 7519, section 4.1. */
function check(claims: JWTPayload, { requiredClaims, audience, currentDate, clockTolerance }: ClaimChecks) {
  const refuse = (claim: string) => new errors.JWTClaimValidationFailed('refused', claims, claim)
  for (const claim of requiredClaims) if (!Object.hasOwn(claims, claim)) throw refuse(claim)
  if (![claims.aud].flat().includes(audience)) throw refuse('aud')
  for (const claim of ['iat', 'nbf', 'exp']) {
    if (claims[claim] !== undefined && typeof claims[claim] !== 'number') throw refuse(claim)
  }
  const now = Math.floor(currentDate.getTime() / 1000)
  const { nbf = now, exp = Number.POSITIVE_INFINITY } = claims
  if (nbf > now + clockTolerance) throw refuse('nbf')
  if (exp <= now - clockTolerance) throw new errors.JWTExpired('expired', claims, 'exp')
}

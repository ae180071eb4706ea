import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

const rsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
const curves: Record<string, string> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }

/** All algorithms (RFC 7518) with public keys that Rabble accepts. */
export const asymmetric: readonly string[] = [...rsa, ...Object.values(curves), 'EdDSA']

/**
 * Returns the algorithms that fit a public key.
 * @throws Error that says what is wrong with the key
 */
export function algorithmsOf(key: KeyObject): readonly string[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa') {
    if ((details?.modulusLength ?? 0) >= 2048) return rsa
    throw new Error('an RSA key must have 2048 bits at least')
  }
  const algorithm = type === 'ed25519' ? 'EdDSA' : curves[details?.namedCurve ?? '']
  if (algorithm === undefined) throw new Error('a key must be RSA, P-256, P-384, P-521 or Ed25519')
  return [algorithm]
}

/** Whether a key of a set (JWK, RFC 7517) can verify tokens: a public one of these kinds that has no other purpose. */
export function canVerify(jwk: unknown): boolean {
  if (typeof jwk !== 'object' || jwk === null) return false
  const { use = 'sig', key_ops: operations = ['verify'], alg, d } = jwk as Record<string, unknown>
  if (use !== 'sig' || d !== undefined || !Array.isArray(operations) || !operations.includes('verify'))
    return false
  try {
    const possible = algorithmsOf(createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }))
    return alg === undefined || possible.includes(String(alg))
  } catch {
    return false
  }
}

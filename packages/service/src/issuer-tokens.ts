import { createPublicKey, type KeyObject } from 'node:crypto'
import { RabbleError } from '@rabble/contract'
import { type JWTVerifyOptions, jwtVerify } from 'jose'
import { createKeySet, type KeySetOptions } from './key-set.ts'
import { algorithmsOf, asymmetric } from './public-key.ts'
import { type Tokens, verifyUser } from './tokens.ts'

/** Source of an issuer's keys: a secret, a public key (PEM), or the URL of its key set. */
export type IssuerKey = { secret: string } | { publicKey: string } | { keySet: string }

export interface IssuerOptions {
  key: IssuerKey
  /** Accepted algorithms. Default: those that the kind of key allows. */
  algorithms?: readonly string[]
  audience: string
  /** Required issuer. Default: any issuer that has the key. */
  issuer?: string
}

const symmetric = ['HS256', 'HS384', 'HS512'] as const

/**
 * Creates the verifier of another issuer's tokens (RFC 7519), which have the same claims as Rabble's own. The kind of key decides
 * which algorithms are valid, and never the token: a holder of the public key must not be able to sign with it (RFC 8725, 3.1).
 * @throws Error that says what is wrong with the key or the algorithms
 */
export function createIssuerTokens(options: IssuerOptions, keySetOptions: KeySetOptions): Tokens {
  const { key, audience, issuer } = options
  const { clock } = keySetOptions
  const { possible, verify } = verifier(key, keySetOptions)
  const algorithms = options.algorithms ?? possible
  const wrong = algorithms.filter((algorithm) => !possible.includes(algorithm))
  if (wrong.length > 0 || algorithms.length === 0) {
    throw new Error(`this key is for ${possible.join(', ')}, and not for ${wrong.join(', ') || 'nothing'}`)
  }
  const checks: JWTVerifyOptions = {
    algorithms: [...algorithms],
    audience,
    ...(issuer !== undefined && { issuer }),
  }
  const refuse = async () => {
    throw new RabbleError('forbidden', 'tokens are issued elsewhere, not by this server')
  }
  return {
    sign: refuse,
    signGuest: refuse,
    signSession: refuse,
    verify(token) {
      const check = async (required: JWTVerifyOptions) => {
        const { payload } = await verify(token, { ...checks, ...required })
        return payload
      }
      return verifyUser(token, check, { guests: false, clock })
    },
  }
}

type Verify = (token: string, options: JWTVerifyOptions) => ReturnType<typeof jwtVerify>

function verifier(
  source: IssuerKey,
  options: KeySetOptions,
): { possible: readonly string[]; verify: Verify } {
  if ('keySet' in source) {
    const keys = createKeySet(source.keySet, options)
    return { possible: asymmetric, verify: (token, checks) => jwtVerify(token, keys, checks) }
  }
  if ('secret' in source) {
    const key = new TextEncoder().encode(source.secret)
    return { possible: symmetric, verify: (token, checks) => jwtVerify(token, key, checks) }
  }
  const key = readPublicKey(source.publicKey)
  return { possible: algorithmsOf(key), verify: (token, checks) => jwtVerify(token, key, checks) }
}

function readPublicKey(pem: string): KeyObject {
  // Node would accept a private key and use its public half, but a private key does not belong here.
  if (pem.includes('PRIVATE KEY')) throw new Error('this is a private key: keep it where tokens are signed')
  try {
    // Some environments can't have several lines in a variable: their line feeds are written as \n.
    return createPublicKey(pem.replaceAll('\\n', '\n'))
  } catch {
    throw new Error('this is no public key in PEM form')
  }
}

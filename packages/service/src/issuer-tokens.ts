import { createPublicKey, type KeyObject } from 'node:crypto'
import { RabbleError } from '@rabble/contract'
import { type JWTVerifyOptions, jwtVerify } from 'jose'
import { createKeySet, type KeySetOptions } from './key-set.ts'
import { algorithmsOf, asymmetric } from './public-key.ts'
import { type Tokens, verifyUser } from './tokens.ts'

/** Where the keys of an issuer come from: a secret, a public key (PEM), or the address of its key set. */
export type IssuerKey = { secret: string } | { publicKey: string } | { keySet: string }

export interface IssuerOptions {
  key: IssuerKey
  /** Those that are accepted; what the kind of key allows unless told. */
  algorithms?: readonly string[]
  audience: string
  /** Any issuer that has the key unless told. */
  issuer?: string
}

const symmetric = ['HS256', 'HS384', 'HS512'] as const

/**
 * Tokens of an issuer of its own (RFC 7519), with the claims of ours. Which algorithms count is decided here, by the kind
 * of key, and never by the token: who has a public key must not be able to sign with it (RFC 8725, 3.1).
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
    throw new RabbleError('forbidden', 'tokens come from elsewhere here')
  }
  return {
    sign: refuse,
    signGuest: refuse,
    verify(token) {
      const check = (required: JWTVerifyOptions) => verify(token, { ...checks, ...required })
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
  // Node would take the public half of a private key, which has no business here.
  if (pem.includes('PRIVATE KEY')) throw new Error('this is a private key: keep it where tokens are signed')
  try {
    // Where a variable can't have several lines they are written with \n.
    return createPublicKey(pem.replaceAll('\\n', '\n'))
  } catch {
    throw new Error('this is no public key in PEM form')
  }
}

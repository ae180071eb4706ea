import type { KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'

export const secret = 'a secret that is long enough to be one'

/** Returns a token like a valid one, except for the given claims. */
export function forge(
  claims: Record<string, unknown>,
  {
    key = secret,
    alg = 'HS256',
    header = {},
  }: { key?: string | KeyObject; alg?: string; header?: Record<string, unknown> } = {},
): Promise<string> {
  const valid = { sub: 'ada', name: 'Ada', aud: 'rabble', exp: Math.floor(Date.now() / 1000) + 60 }
  return new SignJWT({ ...valid, ...claims })
    .setProtectedHeader({ ...header, alg })
    .sign(typeof key === 'string' ? new TextEncoder().encode(key) : key, { crit: { exp: true } })
}

/** Returns a token that would be valid without a check of the signature. */
export function unsigned(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub: 'ada', name: 'Ada', aud: 'rabble', exp: 2e9 })}.`
}

import type { KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'

export const secret = 'a secret that is long enough to be one'

/** A token like a valid one, but for what is given. */
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

/** A token that would be valid if nobody looked at the signature. */
export function unsigned(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub: 'ada', name: 'Ada', aud: 'rabble', exp: 2e9 })}.`
}

import { createHash } from 'node:crypto'
import { isUserName, type User } from '@rabble/contract'
import { isReservedName } from '../names/names.ts'
import type { ProviderOptions } from './options.ts'

/** Claims of a provider about a user. */
export type Claims = Readonly<Record<string, unknown>>

/** Maximum number of characters of a user's name. */
const longestName = 64

/** Claims with a name for display, the best one first. */
const nameClaims = ['name', 'preferred_username', 'nickname', 'given_name', 'email']

/**
 * Returns the id of a user. It depends on the issuer and its `sub` only, so it is the same at each sign-in. No guest can have such an id,
 * and no user of another issuer, whatever its `sub` is.
 */
export function accountId(issuer: string, sub: string): string {
  const hash = createHash('sha256').update(`${issuer}\0${sub}`).digest('base64url')
  return `oidc-${hash.slice(0, 22)}`
}

/** Returns the user of some claims. Its name is the first claim that can be one, or else made from the id. */
export function userOf(issuer: string, sub: string, claims: Claims): User {
  const id = accountId(issuer, sub)
  const names = nameClaims.map((claim) => nameFrom(claims[claim]))
  return { id, name: names.find(isFree) ?? `User ${id.slice(5, 11)}` }
}

/** Returns the roles of a user: those to which the configuration maps the values of the claim. All other values mean nothing. */
export function rolesOf(
  claims: Claims,
  { rolesClaim, roles }: Pick<ProviderOptions, 'rolesClaim' | 'roles'>,
): string[] {
  if (rolesClaim === undefined) return []
  const value = claimAt(claims, rolesClaim)
  const values = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []
  return [...new Set(values.flatMap((value) => roles.get(value) ?? []))]
}

/** Returns a claim by its name or its path, such as `realm_access.roles`; undefined if there is none. */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let value: unknown = claims
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Claims)[name]
  }
  return value
}

function nameFrom(value: unknown): string {
  if (typeof value !== 'string') return ''
  const [local = ''] = value.includes('@') ? value.split('@') : [value]
  const visible = local.normalize('NFC').replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '')
  return [...visible.trim()].slice(0, longestName).join('').trim()
}

function isFree(name: string): boolean {
  return isUserName(name) && !isReservedName(name)
}

import { randomBytes } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { wasForwarded } from './forwarding.ts'
import type { SessionHost } from './transport.ts'

/** Length of the secret part of a key, with the hyphen before it. */
const secretLength = 23
/** Pattern of the keys that `createSessionKey` returns: an id of a gateway has at most 57 characters. */
export const sessionKeyPattern = '[\\w.-]{1,57}-[\\w-]{22}'
const wholeKey = new RegExp(`^${sessionKeyPattern}$`)

/** Creates the secret key of a session that spans several requests. It begins with the gateway that holds the session. */
export function createSessionKey(gateway: string): string {
  return `${gateway}-${randomBytes(16).toString('base64url')}`
}

/** Whether this could be a key. */
export function isSessionKey(key: string): boolean {
  return wholeKey.test(key)
}

/** Returns the id of the gateway that has the session with this key. */
export function gatewayOf(key: string): string {
  return key.slice(0, -secretLength)
}

/** Resolves with where the gateway of a session is, if it is another one and a request for it can be passed on. */
export async function elsewhere(
  host: SessionHost,
  request: FastifyRequest,
  key: string,
): Promise<string | undefined> {
  const gateway = gatewayOf(key)
  if (gateway === host.id || wasForwarded(request) || !isSessionKey(key)) return undefined
  return host.gatewayUrl(gateway)
}

import { randomBytes } from 'node:crypto'

/**
 * Returns a new key for a session that takes many requests. The key is a secret, and it begins with the id of its gateway, so that
 * other gateways know where to pass a request on.
 */
export function newSessionKey(gateway: string): string {
  return `${gateway.replace(/^gateway-/, '')}-${randomBytes(16).toString('base64url')}`
}

/** Returns the id of the gateway that has the session with this key. */
export function gatewayOf(key: string): string {
  return `gateway-${key.slice(0, key.indexOf('-'))}`
}

/** Whether this could be a key. */
export function isSessionKey(key: string): boolean {
  return /^[0-9a-f]{1,40}-[\w-]{22}$/.test(key)
}

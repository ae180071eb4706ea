import { ECDH } from 'node:crypto'
import type { Subscription } from './push.ts'

/** Hosts of the push services of Chrome and Edge, Firefox, Safari, and older versions of Edge. */
const knownHosts = [
  'fcm.googleapis.com',
  '*.push.services.mozilla.com',
  '*.push.apple.com',
  '*.notify.windows.com',
] as const

/** Hosts that may be reached without TLS if they are listed. */
const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** Maximum length of an endpoint. */
export const maxEndpointLength = 2048

/**
 * Returns the entry of the lists of hosts by which an endpoint is one of a push service; undefined if it is none. Endpoints come from
 * strangers, and this server sends requests there, so nothing else is allowed: https at the usual port of a known host, or at a host
 * that the operator has listed.
 */
export function serviceOf(endpoint: string, hosts: readonly string[]): string | undefined {
  if (endpoint.length > maxEndpointLength || !/^[!-~]+$/.test(endpoint)) return undefined
  if (!URL.canParse(endpoint)) return undefined
  const { protocol, host, hostname, username, password, hash } = new URL(endpoint)
  if (username !== '' || password !== '' || hash !== '') return undefined
  const listed = hosts.find((entry) => fits(entry, host))
  if (protocol === 'http:') return loopback.has(hostname) ? listed : undefined
  if (protocol !== 'https:') return undefined
  return listed ?? knownHosts.find((entry) => fits(entry, host))
}

function fits(entry: string, host: string): boolean {
  return entry.startsWith('*.') ? host.endsWith(entry.slice(1)) : host === entry
}

/** Whether the keys of a subscription are a point of P-256 and 16 bytes (RFC 8291). */
export function hasValidKeys({ p256dh, auth }: Pick<Subscription, 'p256dh' | 'auth'>): boolean {
  const [point, secret] = [bytesOf(p256dh), bytesOf(auth)]
  if (point?.length !== 65 || point[0] !== 4 || secret?.length !== 16) return false
  try {
    ECDH.convertKey(point, 'prime256v1')
    return true
  } catch {
    return false
  }
}

function bytesOf(base64url: string): Buffer | undefined {
  return /^[A-Za-z0-9_-]+$/.test(base64url) ? Buffer.from(base64url, 'base64url') : undefined
}

import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** Characters of a name: `RABBLE_GATEWAY_NAME` in settings.ts has the same rule. */
const longest = 48

/**
 * Returns an id for a gateway: its name and eight hexadecimal digits, since a gateway that has restarted is another one. Default
 * name: that of the host, as far as ids may have its characters.
 */
export function newGatewayId(name = nameOf(hostname())): string {
  return `${name}-${randomBytes(4).toString('hex')}`
}

function nameOf(host: string): string {
  const name = host.replaceAll(/[^A-Za-z0-9._-]/g, '-').replace(/^[._-]+/, '')
  return name.slice(0, longest) || 'gateway'
}

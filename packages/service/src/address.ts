import proxyAddr from '@fastify/proxy-addr'

/**
 * Returns the network of an address: an IPv4 address itself, or the /64 of an IPv6 address, in which one household has any number
 * of addresses.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [head = '', tail] = address.split('::')
  const before = head.split(':').filter((group) => group !== '')
  const after = tail?.split(':').filter((group) => group !== '') ?? []
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0')
  const network = [...before, ...zeros, ...after].slice(0, 4)
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

/** Returns the names by which a caller's share is counted: the network of its address, and the user, if known. */
export function sharersOf(address: string, user?: string): string[] {
  return [networkOf(address), ...(user === undefined ? [] : [`user:${user}`])]
}

/** Returns whether an address is in a list of addresses and networks, separated by commas, such as that of the trusted proxies. */
export function addressesIn(list: string): (address: string) => boolean {
  const has = proxyAddr.compile(
    list
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  )
  return (address) => has(address, 0)
}

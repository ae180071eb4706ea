/**
 * Whom an address belongs to, as far as can be told: an IPv4 address, or the /64 network of an IPv6 address, in which
 * anybody at home has as many addresses as they like.
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

/** The names under which the share of a caller is counted: the address, by its network, and the user, if it is known. */
export function sharersOf(address: string, user?: string): string[] {
  return [networkOf(address), ...(user === undefined ? [] : [`user:${user}`])]
}

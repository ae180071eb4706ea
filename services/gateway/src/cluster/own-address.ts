import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'

/**
 * Returns the address of this machine from which it reaches a host. A machine may have several networks: gateways share the one of
 * the broker. Nothing is sent.
 * @throws Error if the host has no address, or no network leads to it
 */
export async function addressToward(host: string): Promise<string> {
  const { address, family } = await lookup(host)
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  try {
    // The port does not matter: connecting only selects the network.
    socket.connect(9, address)
    await once(socket, 'connect')
    return socket.address().address
  } finally {
    socket.close()
  }
}

/** Returns the URL of a server at this address and port. */
export function urlOf(address: string, port: number): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`
}

import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import type { Logger } from '@rabble/service'

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

/**
 * Calls `find` until it resolves. Returns a function that returns the result, or undefined until there is one. Each call of that
 * function after a failure tries again: the name of a host may have no address while the host is down, as in a Swarm. Only the first
 * failure is logged.
 */
export function keepFinding(find: () => Promise<string>, logger: Logger): () => string | undefined {
  let found: string | undefined
  let finding = false
  let failed = false

  async function attempt(): Promise<void> {
    finding = true
    try {
      found = await find()
      if (failed) logger.info({ address: found }, 'other gateways can pass requests on to this one')
    } catch (error) {
      const message =
        'other gateways can not pass requests on to this one yet: it finds no address of its own'
      if (!failed) logger.warn({ err: error }, message)
      failed = true
    } finally {
      finding = false
    }
  }

  void attempt()
  return () => {
    if (found === undefined && !finding) void attempt()
    return found
  }
}

/** Returns the URL of a server at this address and port. */
export function urlOf(address: string, port: number): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`
}

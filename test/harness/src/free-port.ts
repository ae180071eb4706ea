import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/*
 * Below the range that Linux takes the local ports of outgoing connections from (32768 and up): a port from there may
 * be gone by the time that the service listens, or when it is started again, as tests hold hundreds of connections.
 */
const firstPort = 20_000
const portCount = 12_000

/** The ports that this process was given. */
export const givenPorts = new Set<number>()

/**
 * A TCP port on which nothing listens, that no other test process on this machine gets as long as this one runs. The
 * guard is the UDP port of the same number, held until the process ends, in whatever way; it is not needed otherwise.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = firstPort + Math.floor(Math.random() * portCount)
    if (await reserve(port)) {
      givenPorts.add(port)
      return port
    }
  }
  throw new Error(`found no free port from ${firstPort} to ${firstPort + portCount - 1}`)
}

async function reserve(port: number): Promise<boolean> {
  const guard = createSocket('udp4').unref()
  try {
    guard.bind({ port, address: '127.0.0.1', exclusive: true })
    await once(guard, 'listening')
  } catch {
    guard.close()
    return false
  }
  if (await canListen(port)) return true
  guard.close()
  return false
}

/** Whether a service could listen on the port of all addresses now. */
async function canListen(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port)
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

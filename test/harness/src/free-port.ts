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
  try {
    await tryToListen(port)
    return true
  } catch {
    guard.close()
    return false
  }
}

/** @throws Error that says why nothing can listen there now */
export async function assertFree(host: string, port: number): Promise<void> {
  try {
    await tryToListen(port, host)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'something else listens there already' : message
    throw new Error(`port ${port} of ${host} can't be had: ${why}`, { cause: error })
  }
}

/** Listens for a moment, on all addresses unless told. */
async function tryToListen(port: number, host?: string): Promise<void> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } finally {
    server.close()
  }
}

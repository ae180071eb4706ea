import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/*
 * These ports are below the range from which Linux takes the local ports of outgoing connections (32768 and up). Tests hold
 * hundreds of connections, so a port of that range may be taken before the service listens, or before it is restarted.
 */
const firstPort = 20_000
const portCount = 12_000

/** Ports that `freePort` has returned in this process. */
export const givenPorts = new Set<number>()

/**
 * Returns a TCP port on which nothing listens. No other test process on this machine gets it while this one runs: the UDP port
 * of the same number serves as a lock, which the kernel releases when the process ends. UDP is not used otherwise.
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

/** @throws Error with the reason if nothing can listen there now */
export async function assertFree(host: string, port: number): Promise<void> {
  try {
    await tryToListen(port, host)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'something else listens there already' : message
    throw new Error(`port ${port} of ${host} is not available: ${why}`, { cause: error })
  }
}

/** Listens for a moment. Default host: all addresses. @throws Error of `listen` */
async function tryToListen(port: number, host?: string): Promise<void> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } finally {
    server.close()
  }
}

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from './test-context.ts'

/** Path to a server that a test can cut without a change to the server. */
export interface Bridge {
  /** Address to use instead of the server's. */
  readonly url: string
  /** Ends all connections, and each new one. */
  cut(): void
  /** Lets connections through again. */
  mend(): void
}

/** Starts a bridge to the server of an address with a port, such as `http://127.0.0.1:8080`. */
export async function startBridge(t: TestContext, to: string): Promise<Bridge> {
  const { hostname, port } = new URL(to)
  const open = new Set<Socket>()
  let isCut = false
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (isCut) return void socket.destroy()
    const beyond = connect(Number(port), hostname)
    beyond.on('error', () => {})
    for (const [one, other] of [
      [socket, beyond],
      [beyond, socket],
    ] as const) {
      open.add(one)
      one.pipe(other)
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    isCut = true
    for (const socket of open) socket.destroy()
  }
  t.teardown(async () => {
    cut()
    await new Promise((resolve) => server.close(resolve))
  })
  const url = new URL(to)
  url.port = `${(server.address() as AddressInfo).port}`
  return {
    url: url.href,
    cut,
    mend() {
      isCut = false
    },
  }
}

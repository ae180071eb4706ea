import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** Path to a gateway on which a test can hold up everything, as a stuck client does. */
export interface PausingBridge {
  /** Address to use instead of the gateway's. */
  readonly url: string
  pause(): void
  resume(): void
}

export async function startBridge(t: Test, to: string): Promise<PausingBridge> {
  const { hostname, port } = new URL(to)
  const open = new Set<Socket>()
  let isPaused = false
  const pass = (from: Socket, onto: Socket) => {
    open.add(from)
    from.on('data', (data) => onto.write(data))
    from.on('error', () => onto.destroy())
    from.on('close', () => {
      open.delete(from)
      onto.end()
    })
    if (isPaused) from.pause()
  }
  const server = createServer((client) => {
    const gateway = connect(Number(port), hostname)
    pass(client, gateway)
    pass(gateway, client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pause() {
      isPaused = true
      for (const socket of open) socket.pause()
    },
    resume() {
      isPaused = false
      for (const socket of open) socket.resume()
    },
  }
}

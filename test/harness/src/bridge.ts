import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestContext } from './test-context.ts'

/** Path to a server that a test can disturb without a change to the server. */
export interface Bridge {
  /** Address to use instead of the server's. */
  readonly url: string
  /** Ends all connections, and each new one. */
  cut(): void
  /** Lets nothing through, and keeps all connections open, as a network does that loses every packet. */
  stall(): void
  /** Delays each piece of data by so many milliseconds. */
  slow(milliseconds: number): void
  /** Ends the disturbance: lets connections through again, and what was held back. */
  mend(): void
}

/** Starts a bridge to the server of an address with a port, such as `http://127.0.0.1:8080`. */
export async function startBridge(t: TestContext, to: string): Promise<Bridge> {
  const { hostname, port } = new URL(to)
  const open = new Set<Socket>()
  let isCut = false
  let late = 0
  /** Resolves when data may pass again; undefined if it may. */
  let stalled: Promise<void> | undefined
  let release = () => {}

  const passage = () =>
    new Transform({
      transform(chunk, _encoding, done) {
        if (stalled === undefined && late === 0) done(null, chunk)
        else void hold().then(() => done(null, chunk))
      },
    })

  async function hold(): Promise<void> {
    if (late > 0) await delay(late)
    while (stalled !== undefined) await stalled
  }

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
      one.pipe(passage()).pipe(other)
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const mend = () => {
    isCut = false
    late = 0
    stalled = undefined
    release()
  }
  const cut = () => {
    isCut = true
    for (const socket of open) socket.destroy()
  }
  t.teardown(async () => {
    mend()
    cut()
    await new Promise((resolve) => server.close(resolve))
  })
  const url = new URL(to)
  url.port = `${(server.address() as AddressInfo).port}`
  return {
    url: url.href,
    cut,
    stall() {
      stalled ??= new Promise((resolve) => {
        release = resolve
      })
    },
    slow(milliseconds) {
      late = milliseconds
    },
    mend,
  }
}

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** Connection through the proxy. */
export interface Proxied {
  /** Whether it is the publishing one, by the name that the log gives it. */
  publishes: boolean
  /** Whether the broker's answers are held back now. */
  readonly holds: boolean
  /** Number of channels that the client has opened so far. */
  readonly channels: number
  /** Number of batches or tasks that the broker has delivered so far, including those held back. */
  readonly deliveries: number
  /** Holds back the bytes of the client (`up`) or of the broker (`down`). */
  hold(direction: 'up' | 'down'): void
  /** Holds back the broker's bytes from its first delivered batch or task on. */
  holdDeliveries(): void
  release(direction: 'up' | 'down'): void
  /** Sends bytes to the client, as if from the broker. */
  inject(bytes: Buffer): void
  /** Appends bytes to the broker's `count`-th reply of a method, in one piece with it, and drops all that follows. */
  endWith(method: Buffer, count: number, bytes: Buffer): void
  /** Resets both ends, as when a cable is cut. */
  cut(): void
}

export interface Proxy {
  url: string
  connections: Proxied[]
  /** Called with each new connection, before any bytes went through it. */
  onConnection: (connection: Proxied) => void
}

/** Starts a TCP proxy in front of the broker at an address. */
export async function startProxy(t: Test, broker: string): Promise<Proxy> {
  const connections: Proxied[] = []
  const server = createServer((client) => {
    const proxied = proxy(client, Number(new URL(broker).port))
    connections.push(proxied)
    running.onConnection(proxied)
    client.on('close', () => connections.splice(connections.indexOf(proxied), 1))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    for (const connection of [...connections]) connection.cut()
  })
  const url = new URL(broker)
  url.port = String((server.address() as AddressInfo).port)
  const running: Proxy = { url: url.href, connections, onConnection: () => {} }
  return running
}

function proxy(client: Socket, port: number): Proxied {
  const held = { up: false, down: false }
  const kept: { up: Buffer[]; down: Buffer[] } = { up: [], down: [] }
  const broker = connect(port, '127.0.0.1')
  const to = { up: broker, down: client }
  let holdsDeliveries = false
  const channels = counter(openChannel)
  const deliveries = counter(deliver)
  let ending: { method: Buffer; left: number; bytes: Buffer } | undefined
  const pass = (direction: 'up' | 'down', data: Buffer) => {
    if (held[direction]) kept[direction].push(data)
    else to[direction].write(data)
  }
  const proxied: Proxied = {
    publishes: false,
    get holds() {
      return held.down
    },
    get channels() {
      return channels.count
    },
    get deliveries() {
      return deliveries.count
    },
    hold(direction) {
      held[direction] = true
    },
    holdDeliveries() {
      holdsDeliveries = true
    },
    release(direction) {
      holdsDeliveries = false
      held[direction] = false
      for (const data of kept[direction].splice(0)) to[direction].write(data)
    },
    inject: (bytes) => client.write(bytes),
    endWith(method, count, bytes) {
      ending = { method, left: count, bytes }
    },
    cut() {
      reset(client)
      reset(broker)
    },
  }
  client.on('data', (data) => {
    if (data.includes(' publish')) proxied.publishes = true
    channels.see(data)
    pass('up', data)
  })
  broker.on('data', (data) => {
    if (ending?.left === 0) return
    for (let at = -1; ending !== undefined; ) {
      at = data.indexOf(ending.method, at + 1)
      if (at < 0) break
      if (--ending.left > 0) continue
      // The size of the method is before it, and one byte is after it.
      client.write(Buffer.concat([data.subarray(0, at + data.readUInt32BE(at - 4) + 1), ending.bytes]))
      return
    }
    deliveries.see(data)
    const start = holdsDeliveries && !held.down ? data.indexOf(deliver) - frameHead : -1
    if (start < 0) return pass('down', data)
    if (start > 0) pass('down', data.subarray(0, start))
    held.down = true
    pass('down', data.subarray(start))
  })
  for (const [from, other] of [
    [client, broker],
    [broker, client],
  ] as const) {
    from.setNoDelay(true)
    from.on('error', () => other.destroy())
    from.on('close', () => other.destroy())
  }
  return proxied
}

/** Resets a socket. Node 20 would never release a socket that is ending already: the process would use the CPU without end. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

/** Returns a counter of a method in bytes that arrive in pieces. */
function counter(method: Buffer) {
  let count = 0
  let rest: Buffer = Buffer.alloc(0)
  return {
    get count() {
      return count
    },
    see(data: Buffer) {
      const bytes = Buffer.concat([rest, data])
      for (let at = bytes.indexOf(method); at >= 0; at = bytes.indexOf(method, at + 1)) count++
      rest = bytes.subarray(-(method.length - 1))
    },
  }
}

/** Method Channel.Open. */
const openChannel = Buffer.from([0, 20, 0, 10])

/** Method Basic.Deliver, and the length of what precedes a method: type of the frame, channel, size. */
const deliver = Buffer.from([0, 60, 0, 60])
const frameHead = 7

/**
 * Returns the AMQP frame Connection.Blocked. This and Connection.Unblocked are RabbitMQ's extension: class 10, methods 60 and 61.
 */
export function blockedFrame(reason: string): Buffer {
  return frame(Buffer.concat([Buffer.from([0, 10, 0, 60, reason.length]), Buffer.from(reason)]))
}

/** Replies Connection.Open-Ok, Channel.Open-Ok and Basic.Consume-Ok. */
export const connectionOpened = Buffer.from([0, 10, 0, 41])
export const consumed = Buffer.from([0, 60, 0, 21])
export const channelOpened = Buffer.from([0, 20, 0, 11])

/** Returns the AMQP frame Connection.Close. */
export function closeFrame(code: number, text: string): Buffer {
  const method = Buffer.concat([
    Buffer.from([0, 10, 0, 50, code >> 8, code & 255, text.length]),
    Buffer.from(text),
  ])
  return frame(Buffer.concat([method, Buffer.alloc(4)]))
}

export const unblockedFrame = frame(Buffer.from([0, 10, 0, 61]))

function frame(method: Buffer): Buffer {
  const header = Buffer.from([1, 0, 0, 0, 0, 0, method.length])
  return Buffer.concat([header, method, Buffer.from([0xce])])
}

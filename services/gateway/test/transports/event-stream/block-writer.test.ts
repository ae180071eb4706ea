import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import t from 'tap'
import { BlockWriter } from '../../../src/transports/event-stream/block-writer.ts'
import { StreamConnection } from '../../../src/transports/event-stream/connection.ts'
import { blocksOf } from './streams.ts'

t.test('clients that share blocks get their own ids, also one that reads late', async (t) => {
  for (const version of ['1.1', '1.0']) {
    const writer = new BlockWriter()
    const clock = createManualClock()
    const streams = new Map<string, StreamConnection>()
    const server = createServer((request, response) => {
      const key = request.url?.slice(1) ?? ''
      const connection = new StreamConnection(key, clock, writer)
      streams.set(key, connection)
      connection.attach(response, {}, 0)
    }).listen(0, '127.0.0.1')
    t.teardown(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const keys = ['early', 'later', 'third', 'of-another-length']
    const clients = new Map<string, Socket>()
    for (const key of keys) {
      const client = connect(port, '127.0.0.1')
      clients.set(key, client)
      client.write(`GET /${key} HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`)
      await until(() => streams.has(key), 60_000, 'the stream')
    }
    const bodies = keys.filter((key) => key !== 'later').map((key) => [key, text(clients.get(key) as Socket)])

    // More than the operating system takes for a client that reads nothing.
    const late = streams.get('later') as StreamConnection
    let count = 0
    while (late.unsent < 100_000) {
      const block = Buffer.from(`data: {"n":${++count},"filler":"${'x'.repeat(50_000)}"}\n`)
      for (const stream of streams.values()) stream.write([block])
      await new Promise(setImmediate)
    }
    bodies.push(['later', text(clients.get('later') as Socket)])
    for (const stream of streams.values()) stream.close('restarting', '')
    for (const [key, body] of bodies) {
      const received = (await body) ?? ''
      const content = version === '1.1' ? withoutChunks(received) : received
      const blocks = blocksOf(content.slice(content.indexOf('\r\n\r\n') + 4))
      const ids = blocks.map(({ id }) => id.split('.'))
      t.same(new Set(ids.map(([owner]) => owner)), new Set([key]), `all ids of ${key} are its own`)
      t.same(
        ids.map(([, number]) => Number(number)),
        Array.from({ length: count + 2 }, (_, n) => n + 1),
      )
      t.same(
        blocks.slice(1, -1).map(({ frames }) => (frames[0] as unknown as { n: number }).n),
        Array.from({ length: count }, (_, n) => n + 1),
      )
    }
  }
})

/** Returns a response with its body out of chunks. */
function withoutChunks(response: string): string {
  let at = response.indexOf('\r\n\r\n') + 4
  let content = response.slice(0, at)
  for (let size = 1; size > 0; ) {
    const line = response.indexOf('\r\n', at)
    size = Number.parseInt(response.slice(at, line), 16)
    content += response.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
  return content
}

import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { build } from '../build.ts'
import { openStream } from '../transports/event-stream/streams.ts'

t.test('a stream of a gateway that has vanished without a word ends', async (t) => {
  const gateway = await build(t)
  const frozen = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n')
  }).listen(0, '127.0.0.1')
  await once(frozen, 'listening')
  t.teardown(() => {
    frozen.closeAllConnections()
    frozen.close()
  })
  const { port } = frozen.address() as { port: number }
  const report = { sessions: 0, messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0, state: 'ready' }
  gateway.log.signal({ type: 'gateway', gateway: 'gateway-ff', ...report, url: `http://127.0.0.1:${port}` })
  await gateway.gateway.gatewayUrl('gateway-ff')
  const id = `gateway-ff-${'x'.repeat(22)}.1`
  const stream = await openStream(t, `${gateway.http}/sse`, { 'last-event-id': id })
  const began = performance.now()
  // The limit is one of a socket, in real time.
  await Promise.race([stream.ended, new Promise((resolve) => setTimeout(resolve, 60_000).unref())])
  const seconds = Math.round((performance.now() - began) / 1000)
  t.ok(seconds > 30 && seconds < 60, `after ${seconds} s`)
})

import { createServer } from 'node:net'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { buildTwo } from '../../build-two.ts'
import { pass } from '../../time.ts'
import { ask, openStream, post } from '../../transports/event-stream/streams.ts'

t.test('a client whose requests go to any gateway by turns chats as with one', async (t) => {
  const { one, two } = await buildTwo(t)
  for (const path of ['/sse', '/poll']) {
    const urls = [`${one.http}${path}`, `${two.http}${path}`]
    let turn = 0
    const next = () => urls[turn++ % 2] ?? ''
    const said: string[] = []
    let id = ''
    /** Reads one response, of a poll to its end. */
    const read = async (last?: string) => {
      const stream = await openStream(t, next(), last === undefined ? {} : { 'last-event-id': last })
      if (path === '/poll') await stream.ended
      await until(() => stream.blocks.length > 0, 60_000, 'a block')
      return stream
    }
    let stream = await read()
    id = stream.id
    const frames = [
      { type: 'hello', name: `Ada ${path.slice(1)}` },
      { type: 'join', room: 'general' },
      ...Array.from({ length: 20 }, (_, n) => ({ type: 'send', room: 'general', text: `${path} ${n}` })),
    ]
    for (const frame of frames) {
      t.equal((await post(next(), id, frame)).status, 204)
      stream = await read(id)
      id = stream.id
      for (const { frames } of stream.blocks) {
        for (const frame of frames) if (frame.type === 'message') said.push(frame.text)
      }
      stream.cut()
    }
    while (said.length < 20) {
      stream = await read(id)
      id = stream.id
      for (const { frames } of stream.blocks) {
        for (const frame of frames) if (frame.type === 'message') said.push(frame.text)
      }
      stream.cut()
    }
    t.same(
      said,
      Array.from({ length: 20 }, (_, n) => `${path} ${n}`),
    )
    t.equal((await ask('DELETE', next(), { 'last-event-id': id })).status, 204)
    t.equal((await ask('DELETE', next(), { 'last-event-id': id })).status, 404)
  }
  for (const gateway of [one, two]) {
    t.equal(await gateway.metric('rabble_gateway_connections'), 0)
  }
  const forwarded = await two.metric('rabble_gateway_forwarded_requests_total', { result: 'answered' })
  t.ok(forwarded > 0, `${forwarded} requests were passed on`)
})

t.test('a client that goes away through another gateway is noticed', async (t) => {
  const { clock, one, two } = await buildTwo(t)
  const first = await openStream(t, `${one.http}/sse`)
  await until(() => first.id !== '', 60_000, 'the key')
  const url = `${two.http}/sse`
  await post(url, first.id, { type: 'hello', name: 'Ada' })
  await first.has('welcome')
  const second = await openStream(t, url, { 'last-event-id': first.id })
  await post(url, first.id, { type: 'ping', ref: 1 })
  await second.has('pong')
  second.cut()
  const isGone = async () => (await one.metric('rabble_gateway_connections')) === 0
  await pass(clock, 1_000, isGone, 'the session to be over')
})

t.test('a session whose gateway has gone is over, and one that is only out of reach is not', async (t) => {
  const { one, two } = await buildTwo(t)
  const stream = await openStream(t, `${two.http}/sse`)
  await until(() => stream.id !== '', 60_000, 'the key')
  const url = `${one.http}/sse`
  await two.close()
  t.equal((await post(url, stream.id, { type: 'ping' })).status, 404, 'it has said that it stops')
  const next = await openStream(t, url, { 'last-event-id': stream.id })
  await until(() => next.blocks.length > 0, 60_000, 'a block')
  t.equal(next.blocks[0]?.event, 'session')

  // A gateway that reports, and takes no connection.
  const port = await freePort()
  const report = { sessions: 0, messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0, state: 'ready' }
  one.log.signal({ type: 'gateway', gateway: 'gateway-aa', ...report, url: `http://127.0.0.1:${port}` })
  await one.gateway.gatewayUrl('gateway-aa')
  const id = `gateway-aa-${'x'.repeat(22)}.1`
  t.match(await post(url, id, { type: 'ping' }), { status: 503, body: /unavailable/ })
  const other = await openStream(t, url, { 'last-event-id': id })
  await until(() => other.blocks.length > 0, 60_000, 'a block')
  t.equal(other.blocks[0]?.event, 'session')
  t.equal(await one.metric('rabble_gateway_forwarded_requests_total', { result: 'failed' }), 2)
})

t.test(
  'a gateway that takes a connection and answers nothing holds a request up for seconds only',
  async (t) => {
    const { one } = await buildTwo(t)
    const frozen = createServer().listen(0, '127.0.0.1')
    t.teardown(() => frozen.close())
    await new Promise((resolve) => frozen.once('listening', resolve))
    const { port } = frozen.address() as { port: number }
    const report = { sessions: 0, messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0, state: 'ready' }
    one.log.signal({ type: 'gateway', gateway: 'gateway-dd', ...report, url: `http://127.0.0.1:${port}` })
    await one.gateway.gatewayUrl('gateway-dd')
    const id = `gateway-dd-${'x'.repeat(22)}.1`
    // Both wait in real time: the limit is one of a socket.
    const [posted, polled] = await Promise.all([
      post(`${one.http}/sse`, id, { type: 'ping' }),
      ask('GET', `${one.http}/poll?wait=0`, { 'last-event-id': id }),
    ])
    t.match(posted, { status: 503, body: /unavailable/ })
    t.match(polled, { status: 200, body: /event: session/ }, 'a new session begins')
  },
)

t.test('requests are not passed on in circles, and clients are not told where gateways are', async (t) => {
  const { clock, one, two } = await buildTwo(t)
  // One gateway believes that the other one has the sessions of a third, and the other way round.
  const report = { sessions: 0, messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0, state: 'ready' }
  one.log.signal({ type: 'gateway', gateway: 'gateway-bb', ...report, url: two.http })
  await one.gateway.gatewayUrl('gateway-bb')
  const id = `gateway-bb-${'x'.repeat(22)}.1`
  t.equal((await post(`${one.http}/sse`, id, { type: 'ping' })).status, 404)
  const ada = await connectChat(t, one.ws, { name: 'Ada' })
  const { gateways } = await ada.request({ type: 'gateways' })
  t.equal(gateways.length, 3)
  t.notMatch(JSON.stringify(gateways), /127\.0\.0\.1/)
  for (const url of ['http://10.0.0.1/path', 'https://10.0.0.1', 'http://user@10.0.0.1', 'file:///etc', '']) {
    one.log.signal({ type: 'gateway', gateway: 'gateway-cc', ...report, url })
  }
  await ada.request({ type: 'ping' })
  const known = one.gateway.gatewayUrl('gateway-cc')
  await clock.advance(1_000)
  t.equal(await known, undefined, 'only the address of a server counts')
})

t.test(
  'a request for a session of a gateway that has just started waits until that one is known',
  async (t) => {
    const { one, two } = await buildTwo(t)
    const posted = post(`${one.http}/sse`, `gateway-ee-${'x'.repeat(22)}.1`, { type: 'ping' })
    const report = { sessions: 0, messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0, state: 'ready' }
    one.log.signal({ type: 'gateway', gateway: 'gateway-ee', ...report, url: two.http })
    t.equal((await posted).status, 404, 'the other gateway has no such session')
    t.equal(await one.metric('rabble_gateway_forwarded_requests_total', { result: 'answered' }), 1)
  },
)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return address === null || typeof address === 'string' ? 0 : address.port
}

import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build, type TestGateway } from '../../build.ts'
import { pass } from '../../time.ts'
import { ask } from '../../transports/event-stream/streams.ts'
import { connections, end, handshake, negotiate } from './raw-hub.ts'

/** Begins a connection over long polling, and shakes hands. Returns its URL. */
async function begin(gateway: TestGateway, protocol = 'json'): Promise<string> {
  const { connectionToken: key } = await negotiate(gateway)
  const url = `${gateway.http}/chathub?id=${key}`
  for (const [method, body] of [['GET'], ['POST', handshake(protocol)]] as const) {
    const { status } = await ask(method, url, {}, body)
    if (status !== 200) throw new Error(`${method}: ${status}`)
  }
  const { body } = await ask('GET', url)
  if (body !== `{}${end}`) throw new Error(body)
  return url
}

/** Polls. Resolves with the answer, which is not read. */
function poll(t: Test, url: string): Promise<IncomingMessage> {
  const sent = httpRequest(url, { agent: false }).end()
  t.teardown(() => sent.destroy())
  return once(sent, 'response').then(([response]) => (response as IncomingMessage).on('error', () => {}))
}

t.test('a client may take its time to read a response, one that reads nothing is dropped', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, limits: { unsentBytes: 64 * 1024 * 1024 } })
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  await ada.join('general')
  const urls = [await begin(gateway), await begin(gateway), await begin(gateway)]
  // More than the system takes for a client that does not read.
  for (let n = 0; n < 1_200; n += 50) {
    await Promise.all(Array.from({ length: 50 }, () => ada.send('general', '€'.repeat(4_000))))
  }
  const [slow, idle, gone] = await Promise.all(urls.map((url) => poll(t, url)))
  for (let seconds = 0; seconds < 20; seconds++) await clock.advance(1_000)
  t.equal(await connections(gateway), 4, 'all are there after 20 seconds')
  let length = 0
  slow?.on('data', (chunk) => {
    length += chunk.length
  })
  if (slow !== undefined) await once(slow, 'end')
  t.equal(length, Number(slow?.headers['content-length']))
  await ada.send('general', 'still there?')
  t.match((await ask('GET', urls[0] ?? '')).body, /still there/)
  for (const url of [urls[0] ?? '', urls[2] ?? '']) t.equal((await ask('DELETE', url)).status, 202)
  const isDropped = async () => {
    await ask('POST', urls[1] ?? '', {}, `{"type":6}${end}`)
    return (await connections(gateway)) === 1
  }
  await pass(clock, 1_000, isDropped, 'the one that does not read')
  t.equal(await gateway.metric('rabble_gateway_disconnections_total', { reason: 'tooSlow' }), 1)
  await pass(clock, 1_000, async () => (await ask('GET', urls[1] ?? '')).status === 404, 'its key to be gone')
  for (const unread of [idle, gone]) {
    unread?.resume()
    await until(() => unread?.destroyed === true, 60_000, 'its end')
    t.notOk(unread?.complete)
  }
})

t.test('bodies that never end hinder nobody, not even their own connection', async (t) => {
  const gateway = await build(t)
  const url = await begin(gateway)
  for (let n = 0; n < 50; n++) {
    const target = n % 2 === 0 ? url : `${gateway.http}/chathub?id=x`
    const open = httpRequest(target, { method: 'POST', agent: false }).on('error', () => {})
    t.teardown(() => open.destroy())
    open.write('{"ty')
  }
  await ask('POST', url, {}, `{"type":1,"invocationId":"1","target":"Members","arguments":["general"]}${end}`)
  t.match((await ask('GET', url)).body, /"invocationId":"1","result":/)
})

t.test('a poll that overlaps ends the one before, and the end of a connection ends its poll', async (t) => {
  const gateway = await build(t)
  const url = await begin(gateway)
  const arrived = once(gateway.server, 'request')
  const first = poll(t, url)
  await arrived
  const second = ask('GET', url)
  t.equal((await first).statusCode, 204)
  await ask('POST', url, {}, `{"type":1,"invocationId":"1","target":"Nothing","arguments":[]}${end}`)
  t.match(await second, { status: 200, body: /Unknown hub method/ })
  const waits = once(gateway.server, 'request')
  const third = poll(t, url)
  await waits
  t.equal((await ask('DELETE', url)).status, 202)
  t.equal((await third).statusCode, 204)
  t.equal((await ask('GET', url)).status, 404)
  t.equal(await connections(gateway), 0)
})

t.test('connections that nobody polls again take their places for 15 seconds', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, connections: 100 })
  const urls = await Promise.all(Array.from({ length: 100 }, () => begin(gateway)))
  t.equal(await connections(gateway), 100)
  const { connectionToken: key } = await negotiate(gateway).catch(() => ({ connectionToken: '' }))
  t.notOk(key)
  await pass(clock, 1_000, async () => (await connections(gateway)) === 0, 'their end')
  t.equal((await ask('GET', urls[0] ?? '')).status, 404)
  await begin(gateway)
})

/** Bodies that break the rules of each protocol. The last of MessagePack announces 4 billion entries. */
const wrong = {
  json: ['{"type":6}', `x${end}`, `{"type":1}${end}`, Buffer.from([0xff, 0x1e])],
  messagepack: [
    `{"type":6}${end}`,
    Buffer.alloc(5, 0xff),
    Buffer.from('0995' + '0180a131a178' + 'ddffffffff', 'hex'),
  ],
}

for (const [protocol, bodies] of Object.entries(wrong)) {
  t.test(`bodies that break the rules of ${protocol} end their connections, with the reason`, async (t) => {
    const gateway = await build(t)
    const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
    for (const body of bodies) {
      const url = await begin(gateway, protocol)
      await ask('POST', url, {}, body)
      t.match((await ask('GET', url)).body, /a message breaks the rules of the hub protocol/)
      t.equal((await ask('POST', url, {}, body)).status, 404)
      t.equal((await ask('GET', url)).status, 204)
    }
    t.match(await ada.request({ type: 'ping' }), { type: 'pong' })
  })
}

t.test('a body that breaks the rules ends an event stream, with the reason', async (t) => {
  const gateway = await build(t)
  for (const body of wrong.json) {
    const { connectionToken: key } = await negotiate(gateway)
    const url = `${gateway.http}/chathub?id=${key}`
    const arrived = once(gateway.server, 'request')
    const stream = ask('GET', url, { accept: 'text/event-stream' })
    await arrived
    t.equal((await ask('POST', url, {}, handshake())).status, 200)
    await ask('POST', url, {}, body)
    t.match((await stream).body, /^data: .*"type":7,"error":"a message breaks the rules of the hub protocol/s)
    t.equal((await ask('POST', url, {}, body)).status, 404)
  }
  t.equal(await connections(gateway), 0)
})

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import { connectSocketIo } from '@rabble/harness/official-clients'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { build, type TestGateway } from '../../build.ts'
import { buildTwo } from '../../build-two.ts'
import { pass } from '../../time.ts'
import { ask } from '../../transports/event-stream/streams.ts'
import { connections, enter, handshake, poll, push, query } from './raw-client.ts'

/** Returns the status of the answer to a request for a WebSocket; 101 for a WebSocket. */
async function upgradeStatus(t: Test, url: string, headers: Record<string, string> = {}): Promise<number> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers })
  t.teardown(() => socket.terminate())
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(101))
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    socket.on('error', reject)
  })
}

t.test('each transport takes the WebSockets of its own path, and all others are refused', async (t) => {
  const both = await build(t)
  t.equal(await upgradeStatus(t, both.ws), 101)
  t.equal(await upgradeStatus(t, `${both.http}/socket.io/?EIO=4&transport=websocket`), 101)
  t.equal(await upgradeStatus(t, `${both.http}/engine.io/?EIO=4&transport=websocket`), 404)
  t.equal(await upgradeStatus(t, `${both.http}/socket.io/x?EIO=4&transport=websocket`), 404)
  await connectChat(t, both.ws, { name: 'Ada' })
  const alone = await build(t, { transports: ['socketio'] })
  t.equal(await upgradeStatus(t, alone.ws), 404)
  t.equal(await upgradeStatus(t, `${alone.http}/socket.io/?EIO=4&transport=websocket`), 101)
  const reverse = await build(t, { transports: ['socketio', 'websocket'] })
  await connectChat(t, reverse.ws, { name: 'Ada' })
  await connectSocketIo(t, reverse.http, { transports: ['websocket'] })
})

t.test('pages get the script of the client from the path of their connections', async (t) => {
  const { http } = await build(t)
  for (const name of ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js']) {
    const url = `${http}/socket.io/${name}`
    const { status, body, headers } = await ask('GET', url)
    t.equal(status, 200)
    t.equal(headers['content-type'], 'application/javascript; charset=utf-8')
    t.match(body, /Socket\.IO v4\./)
    t.equal((await ask('GET', url, { 'if-none-match': String(headers.etag) })).status, 304)
  }
  t.equal((await ask('GET', `${http}/socket.io/package.json`)).status, 404)
  const without = await build(t, { transports: ['websocket'] })
  t.equal((await ask('GET', `${without.http}/socket.io/socket.io.js`)).status, 404)
})

t.test('pages of other origins are refused, its own and listed ones are welcome', async (t) => {
  const gateway = await build(t, { allowedOrigins: new Set(['https://chat.example']) })
  const { http, metric } = gateway
  const polling = `${http}/socket.io/?${query}`
  const socket = `${http}/socket.io/?EIO=4&transport=websocket`
  const evil = { origin: 'https://evil.example' }
  t.match(await ask('GET', polling, evil), { status: 403, body: /forbidden/ })
  t.equal(await upgradeStatus(t, socket, evil), 403)
  t.equal(await connections(gateway), 0)
  t.equal(await metric('rabble_gateway_connections_refused_total', { reason: 'origin' }), 2)
  for (const origin of ['https://chat.example', http]) {
    t.equal((await ask('GET', polling, { origin })).status, 200)
    t.equal(await upgradeStatus(t, socket, { origin }), 101)
  }
  // A script element sends no origin, and any page may have one.
  t.match(await ask('GET', `${polling}&j=0`), { status: 400, body: /JSONP/ })
})

t.test('a request at another gateway reaches the session, as does its WebSocket', async (t) => {
  const { one, two } = await buildTwo(t)
  const urls = [one.http, two.http]
  let turn = 0
  const next = () => urls[turn++ % 2] ?? ''
  const sid = await handshake(one.http)
  t.match(await push(next(), sid, '40{"name":"Ada"}'), { status: 200, body: 'ok' })
  t.match(await push(next(), sid, '421["join","tea"]', '422["send","tea","hello"]'), { body: 'ok' })
  let text = ''
  while (!text.includes('432[')) text += (await poll(next(), sid)).body
  t.match(text, /40\{"sid"/)
  t.match(text, /431\[\{"ok":true/)
  const forwarded = (result: string) =>
    two.metric('rabble_gateway_forwarded_requests_total', { transport: 'socketio', result })
  t.ok((await forwarded('answered')) > 0)

  // The library begins by polling. Its WebSocket goes to the other gateway.
  const upgrading = new WebSocket(
    `${two.http.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&sid=${sid}`,
  )
  t.teardown(() => upgrading.terminate())
  const heard: string[] = []
  upgrading.on('message', (data) => heard.push(String(data)))
  await once(upgrading, 'open')
  upgrading.send('2probe')
  await until(() => heard.includes('3probe'), 60_000, 'the answer')
  upgrading.send('5')
  upgrading.send('423["send","tea","over the socket"]')
  await until(() => heard.some((packet) => packet.startsWith('433[')), 60_000, 'the acknowledgement')
  t.equal(await connections(one), 1)
  upgrading.close()
  await until(async () => (await connections(one)) === 0, 60_000, 'the end')

  await two.close()
  t.match(await poll(one.http, `${two.gateway.id}-${'x'.repeat(22)}`), {
    status: 400,
  })
  const report = { sessions: 0, messagesPerSecond: 0, deliveriesPerSecond: 0, lag: 0, state: 'ready' }
  one.log.signal({ type: 'gateway', gateway: 'gateway-aa', ...report, url: two.http })
  await one.gateway.gatewayUrl('gateway-aa')
  const lost = `gateway-aa-${'x'.repeat(22)}`
  t.match(await poll(one.http, lost), { status: 503, body: /unavailable/ })
  t.equal(await upgradeStatus(t, `${one.http}/socket.io/?EIO=4&transport=websocket&sid=${lost}`), 503)
})

t.test(
  'a poll that the proxy sends again gets the same packets, and the next one those that follow',
  async (t) => {
    const { one, two } = await buildTwo(t)
    const sid = await enter(one.http)
    const poll = async ({ http }: TestGateway, id: string) =>
      ask('GET', `${http}/socket.io/?${query}&sid=${sid}`, { 'rabble-request-id': id })
    await push(one.http, sid, '421["members","general"]')
    let answer = await poll(two, '0')
    let polls = 1
    while (!answer.body.includes('431[')) answer = await poll(two, `${polls++}`)
    await push(one.http, sid, '422["nonsense"]')
    const again = await poll(one, `${polls - 1}`)
    t.equal(again.body, answer.body, 'the gateway that passed it on has died')
    t.equal(again.headers['content-type'], answer.headers['content-type'])
    t.match(await poll(two, `${polls}`), { body: /^432\[/ })
  },
)

t.test('sessions that nobody polls again end, and count from the first request on', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, connections: 200, helloTimeout: 10_000 })
  for (let n = 0; n < 200; n += 50) {
    await Promise.all(Array.from({ length: 50 }, () => handshake(gateway.http)))
  }
  t.equal(await connections(gateway), 200)
  t.match(await ask('GET', `${gateway.http}/socket.io/?${query}`), { status: 503, body: /full/ })
  t.equal(await upgradeStatus(t, `${gateway.http}/socket.io/?EIO=4&transport=websocket`), 503)
  await clock.advance(11_000)
  t.equal(await connections(gateway), 0)
  const sid = await handshake(gateway.http)
  await push(gateway.http, sid, '40')
  await pass(clock, 1_000, async () => (await connections(gateway)) === 0, 'one that does not poll')
})

import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import { parseOrigins } from '@rabble/service'
import t from 'tap'
import { WebSocket } from 'ws'
import { createNegotiations } from '../../../src/transports/signalr/negotiation.ts'
import { build, type TestGateway } from '../../build.ts'
import { buildTwo } from '../../build-two.ts'
import { pass } from '../../time.ts'
import { ask } from '../../transports/event-stream/streams.ts'
import { connectHub } from './hub-connection.ts'
import { connections, end, handshake, negotiate } from './raw-hub.ts'

t.test('versions 0 and 1 are negotiated, in any case of the path', async (t) => {
  const gateway = await build(t)
  const both = { availableTransports: [{ transport: 'WebSockets' }, {}, {}] }
  for (const query of ['', '?negotiateVersion=0', '?negotiateVersion=x']) {
    const answer = await negotiate(gateway, query)
    t.match(answer, { ...both, negotiateVersion: 0, connectionId: /./ })
    t.notOk('connectionToken' in answer)
  }
  for (const query of ['?negotiateVersion=1', '?negotiateVersion=99']) {
    const answer = await negotiate(gateway, query)
    t.match(answer, { ...both, negotiateVersion: 1, connectionId: /./, connectionToken: /./ })
    t.not(answer.connectionId, answer.connectionToken)
  }
  for (const path of ['/chatHub/negotiate', '/CHATHUB/negotiate']) {
    t.equal((await ask('POST', `${gateway.http}${path}`)).status, 200)
  }
  t.equal(
    (await ask('GET', `${gateway.http}/chathub/`)).status,
    400,
    'a slash at the end makes no difference',
  )
  t.equal((await ask('POST', `${gateway.http}/chathubs/negotiate`)).status, 404)
  t.equal(await connections(gateway), 0, 'a negotiation is no connection')
})

t.test('a key is good for one connection, within 15 seconds', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock })
  const url = `${gateway.http}/chathub?id=`
  const { connectionToken: late } = await negotiate(gateway)
  await clock.advance(16_000)
  t.equal((await ask('GET', url + late)).status, 404)
  const { connectionToken, connectionId } = await negotiate(gateway)
  t.equal((await ask('GET', url + connectionId)).status, 404, 'the public id is no key')
  t.match(await ask('GET', url + connectionToken), { status: 200, body: '' })
  t.equal((await ask('DELETE', url + connectionToken)).status, 202)
  for (const method of ['GET', 'POST', 'DELETE']) {
    t.equal((await ask(method, url + connectionToken)).status, 404, `${method} after the end`)
  }
  const used = new WebSocket(`${url.replace('http', 'ws')}${connectionToken}`)
  used.on('error', () => {})
  await new Promise((resolve) => used.once('close', resolve))
  t.equal(await connections(gateway), 0)
})

t.test('negotiations are bounded, the oldest ones are forgotten first', async (t) => {
  const clock = createManualClock()
  const negotiations = createNegotiations('gateway-0', clock)
  const keys = Array.from({ length: 25_000 }, () => negotiations.negotiate(1).connectionToken ?? '')
  t.notOk(negotiations.take(keys[0] ?? ''))
  t.ok(negotiations.take(keys.at(-1) ?? ''))
  t.notOk(negotiations.take(keys.at(-1) ?? ''), 'only once')
  const left = keys.filter((key) => negotiations.take(key)).length
  t.ok(left > 19_000 && left < 20_000, `${left} are left`)
})

t.test('requests without a connection, or with that of somebody else, get nothing', async (t) => {
  const gateway = await build(t, { limits: { frameBytes: 48_000 } })
  const url = `${gateway.http}/chathub`
  const { connectionToken: key } = await negotiate(gateway)
  const guessed = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`
  t.equal((await ask('GET', `${url}?id=${key}`)).status, 200)
  for (const method of ['GET', 'POST', 'DELETE']) {
    t.equal((await ask(method, url)).status, 400, `${method} without an id`)
    for (const id of [guessed, 'x', '../etc', 'x'.repeat(5_000)]) {
      t.equal((await ask(method, `${url}?id=${id}`)).status, 404, `${method} ${id.slice(0, 30)}`)
    }
  }
  const events = { accept: 'text/event-stream' }
  t.equal((await ask('GET', `${url}?id=${guessed}`, events)).status, 404)
  t.equal((await ask('GET', `${url}?id=${key}`, events)).status, 409, 'it polls')
  t.equal((await ask('POST', `${url}?id=${key}`, {}, ' '.repeat(8 * 48_000 + 1))).status, 413)
  t.equal((await ask('HEAD', `${url}?id=${key}`)).status, 404)
  t.equal(await connections(gateway), 1)
})

t.test('a connection that nobody polls is over after 15 seconds, one that is cut at once', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock })
  const { hub } = await connectHub(t, gateway, { over: 'ServerSentEvents' })
  const { connectionToken: key } = await negotiate(gateway)
  t.equal((await ask('GET', `${gateway.http}/chathub?id=${key}`)).status, 200)
  t.equal(await connections(gateway), 2)
  await hub.stop()
  await until(async () => (await connections(gateway)) === 1, 60_000, 'the stream to be gone')
  await clock.advance(10_000)
  t.equal(await connections(gateway), 1)
  await pass(clock, 1_000, async () => (await connections(gateway)) === 0, 'the other one to be gone')
})

t.test('foreign pages get no connection', async (t) => {
  const gateway = await build(t, { allowedOrigins: parseOrigins('https://app.example') })
  const connect = async (origin: string, accept: string) => {
    const { connectionToken } = await negotiate(gateway)
    return (await ask('GET', `${gateway.http}/chathub?id=${connectionToken}`, { origin, accept })).status
  }
  t.equal(await connect('https://evil.example', '*/*'), 403)
  t.equal(await connect('https://evil.example', 'text/event-stream'), 403)
  t.equal(await connect('https://app.example', '*/*'), 200)
})

t.test('requests at another gateway reach the connection; a WebSocket begins anywhere', async (t) => {
  const { one, two } = await buildTwo(t)
  const { connectionToken: key } = await negotiate(one)
  const at = ({ http }: TestGateway) => `${http}/chathub?id=${key}`
  t.equal((await ask('GET', at(two))).status, 200)
  t.equal((await ask('POST', at(two), {}, handshake())).status, 200)
  t.match(await ask('GET', at(two)), { status: 200, body: `{}${end}` })
  t.equal(await connections(one), 1)
  t.equal((await ask('DELETE', at(two))).status, 202)
  t.equal(await connections(one), 0)
  const { connectionToken: other } = await negotiate(one)
  const socket = new WebSocket(`${two.http.replace('http', 'ws')}/chathub?id=${other}`)
  t.teardown(() => socket.terminate())
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  t.equal(await connections(two), 1)
  for (const id of [other, 'x', '']) {
    const refused = new WebSocket(`${two.http.replace('http', 'ws')}/chathub?id=${id}`)
    const error = await new Promise<Error>((resolve) => refused.once('error', resolve))
    t.match(error.message, /404/, 'an id is good for one WebSocket, and must be one')
  }
})

t.test(
  'a poll that the proxy sends again gets the same messages, and the next one those that follow',
  async (t) => {
    const { one, two } = await buildTwo(t)
    const { connectionToken: key } = await negotiate(one)
    const post = (text: string) => ask('POST', `${one.http}/chathub?id=${key}`, {}, text)
    const poll = async ({ http }: TestGateway, id: string) =>
      (await ask('GET', `${http}/chathub?id=${key}`, { 'rabble-request-id': id })).body
    await poll(one, 'first')
    await post(handshake())
    t.equal(await poll(two, 'second'), `{}${end}`)
    await post(`{"type":1,"invocationId":"1","target":"Members","arguments":["general"]}${end}`)
    t.equal(await poll(one, 'second'), `{}${end}`, 'the gateway that passed it on has died')
    const third = await poll(two, 'third')
    t.match(third, /"invocationId":"1"/)
    t.equal(await poll(two, 'third'), third)
    await post(`{"type":1,"invocationId":"2","target":"Nothing","arguments":[]}${end}`)
    t.match(await poll(two, 'fourth'), /"invocationId":"2"/)
  },
)

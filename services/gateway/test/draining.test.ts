import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { Deferred } from '@rabble/clock/deferred'
import { createManualClock } from '@rabble/clock/manual'
import { type ChatClient, connectChat, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build, type TestGateway } from './build.ts'
import { createMemoryLog } from './memory-log.ts'
import { buildWithRooms } from './rooms-build.ts'
import { passing } from './time.ts'

/** Closes each client when the gateway tells it to leave, as well-behaved clients do. */
async function obey(clients: readonly ChatClient[]): Promise<void> {
  await Promise.all(
    clients.map(async (client) => {
      await client.waitFor(({ type }) => type === 'reconnect', 60_000)
      await client.close()
    }),
  )
}

async function connectMany(t: Test, { ws }: TestGateway, count: number): Promise<ChatClient[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => connectChat(t, ws, { name: `user ${n}` })))
}

t.test(
  'clients of a gateway that drains go when they are told to, and it is done with the last',
  async (t) => {
    const clock = createManualClock()
    const gateway = await build(t, { clock })
    const clients = await connectMany(t, gateway, 40)
    const gone = obey(clients)
    await passing(clock, 50, gateway.gateway.drain(15_000))
    await gone
    t.equal(await gateway.metric('rabble_gateway_connections'), 0)
    t.equal(await gateway.metric('rabble_gateway_disconnections_total', { reason: 'reconnect' }), 40)
  },
)

t.test(
  'a gateway drains no longer than somebody is there, and with a window of 0 tells all at once',
  async (t) => {
    const nobody = await build(t)
    await nobody.gateway.drain(60_000)
    t.equal(nobody.gateway.unready(), 'draining')

    const one = await build(t)
    const clients = await connectMany(t, one, 1)
    await Promise.all([obey(clients), one.gateway.drain(60_000)])
    t.equal(await one.metric('rabble_gateway_disconnections_total', { reason: 'reconnect' }), 1)

    const gateway = await build(t)
    const many = await connectMany(t, gateway, 10)
    await Promise.all([obey(many), gateway.gateway.drain(0)])
    for (const client of many) t.match(client.frames.at(-1), { type: 'reconnect', after: 0 })
  },
)

t.test('while it drains it takes no connections, but goes on with those it has', async (t) => {
  const { gateway, ws, http, tokens, metric } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  const silent = await connectChat(t, ws, { hello: false })
  await ada.join('general')
  const drained = gateway.drain(60_000)
  t.match(await silent.closed, { code: 1012, reason: 'this gateway is draining' }, 'it never said hello')
  const ready = await fetch(`${http}/readyz`)
  t.match([ready.status, await ready.json()], [503, { checks: { gateway: 'draining' } }])
  t.equal((await fetch(`${http}/livez`)).status, 200)

  await t.rejects(connectChat(t, ws), { message: /503/ })
  t.equal(await metric('rabble_gateway_connections_refused_total', { reason: 'draining' }), 1)
  const refused = await fetch(`${http}/ws`)
  t.equal(refused.headers.get('retry-after'), '1')
  t.match(await refused.json(), { statusCode: 503, code: 'unavailable', message: /draining/ })

  const token = await tokens.sign({ id: 'builder', name: 'Builder' }, 600, ['service'])
  const said = await fetch(`${http}/api/rooms/general/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"text":"done"}',
  })
  t.equal(said.status, 201)
  const { id } = (await said.json()) as { id: string }
  await ada.sees(id)
  await ada.send('general', 'still here')
  t.equal(await metric('rabble_gateway_draining'), 1)
  await ada.close()
  await drained
})

t.test(
  'who does not go is closed with 1012, and all that was taken from it is acknowledged before',
  async (t) => {
    const log = createMemoryLog()
    const { publish } = log
    let begun = 0
    const confirmed = new Deferred<void>()
    // The log confirms nothing yet, so that much is in progress when the clients must leave.
    log.publish = async (event) => {
      if (event.type === 'message') {
        begun++
        await confirmed.promise
      }
      await publish.call(log, event)
    }
    const clock = createManualClock()
    const drainTimes = { reconnectGrace: 200, confirmTimeout: 120_000 }
    const { gateway, ws, metric } = await build(t, { log, drainTimes, clock })
    const ada = await connectChat(t, ws, { name: 'Ada', timeout: 120_000 })
    await ada.join('general')
    const before = log.length
    const acknowledged: string[] = []
    const say = (text: string) =>
      ada.send('general', text).then(
        () => acknowledged.push(text),
        () => {},
      )
    const taken = Array.from({ length: 60 }, (_, n) => `${n}`)
    const sending = taken.map(say)
    await until(() => begun === 60, 60_000, 'it to have taken all')
    const drained = gateway.drain(0)
    await clock.advance(200)
    t.equal(await metric('rabble_gateway_connections'), 1, 'what was taken is waited for')
    const late = ['too late', 'and this'].map(say)
    confirmed.resolve()
    t.match(await ada.closed, { code: 1012, reason: 'this gateway is draining' })
    await Promise.all([...sending, ...late, drained])
    t.strictSame(acknowledged.slice(0, 60), taken)
    t.equal(log.length - before, acknowledged.length, 'nothing is in the log that was not')
    t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'restarting' }), 1)
  },
)

t.test(
  'who asks for a connection while the gateway closes is refused, and does not hold up the end',
  async (t) => {
    const { gateway, http, server, close } = await build(t)
    const { hostname, port } = new URL(http)
    let taken: Socket | undefined
    server.once('connection', (socket) => {
      taken = socket
    })
    const socket = connectTcp(Number(port), hostname)
    let answer = ''
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part
    })
    const ended = once(socket, 'close')
    await once(socket, 'connect')
    socket.write('GET /ws HTTP/1.1\r\n')
    await until(() => (taken?.bytesRead ?? 0) > 0, 60_000, 'the request to have begun')
    const closed = close()
    await until(() => gateway.closed && !server.listening, 60_000, 'the gateway to be closing')
    // Like a proxy, it would keep the connection.
    socket.write(`Host: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`)
    socket.write('Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
    await Promise.all([closed, ended])
    t.match(answer, /^HTTP\/1.1 503 /)
  },
)

t.test('a guest that goes as it is told keeps its name until it is back', async (t) => {
  const { a, b } = await buildWithRooms(t, 2)
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  await Promise.all([obey([ada]), a.gateway.drain(1_000)])
  // These are more turns than giving a name back takes.
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  const stranger = await connectChat(t, b.ws, { hello: false })
  await t.rejects(stranger.request({ type: 'hello', name: 'Ada' }), { code: 'name-taken' })
  const again = await connectChat(t, b.ws, { name: 'Ada' })
  t.equal(again.user?.id, ada.user?.id)
})

t.test('a log that confirms nothing does not hold up the end for ever', async (t) => {
  const clock = createManualClock()
  const { gateway, ws, log, metric } = await build(t, {
    clock,
    drainTimes: { reconnectGrace: 100, confirmTimeout: 500 },
  })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  log.publish = () => new Promise(() => {})
  const sent = t.rejects(ada.send('general', 'hi'), { code: 'closed' })
  const asked = () => metric('rabble_gateway_frames_received_total', { type: 'send' })
  await until(async () => (await asked()) === 1, 60_000, 'it to have taken that')
  await passing(clock, 100, gateway.drain(0))
  t.match(await ada.closed, { code: 1012 })
  await sent
})

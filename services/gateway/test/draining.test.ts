import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@rabble/clock'
import type { ServerFrame } from '@rabble/contract'
import { type ChatClient, connectChat, until } from '@rabble/harness'
import { createLogger } from '@rabble/service'
import t, { type Test } from 'tap'
import { drain } from '../src/drain.ts'
import type { Session } from '../src/session.ts'
import { build, type TestGateway } from './build.ts'
import { createMemoryLog } from './memory-log.ts'
import { buildWithRooms } from './rooms-build.ts'

/** As good clients do: each goes when it is told to. Resolves to when each went (ms after now). */
function obey(clients: readonly ChatClient[]): Promise<number[]> {
  const began = performance.now()
  return Promise.all(
    clients.map(async (client) => {
      const frame = await client.waitFor(({ type }) => type === 'reconnect', 60_000)
      if (frame.type === 'reconnect') await sleep(frame.after)
      const at = performance.now() - began
      await client.close()
      return at
    }),
  )
}

async function connectMany(t: Test, { ws }: TestGateway, count: number): Promise<ChatClient[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => connectChat(t, ws, { name: `user ${n}` })))
}

t.test(
  'clients of a gateway that drains go over all of its window, and it is done with the last',
  async (t) => {
    const gateway = await build(t)
    const clients = await connectMany(t, gateway, 150)
    const [times] = await Promise.all([obey(clients), gateway.gateway.drain(15_000)])
    t.equal(await gateway.metric('rabble_gateway_connections'), 0)
    t.equal(await gateway.metric('rabble_gateway_disconnections_total', { reason: 'reconnect' }), 150)
    // 10 ms for each client: 1.5 s.
    const last = Math.max(...times)
    t.ok(last > 1_000, `the last one went after ${Math.round(last)} ms`)
  },
)

/** Sessions that nobody is behind, and what is said to all of them. */
function sessionsOf(count: number, told: (frame: ServerFrame) => void): Set<Session> {
  const session = () => ({ user: { id: 'a', name: 'A' }, reply: told, close: () => {} }) as unknown as Session
  return new Set(Array.from({ length: count }, session))
}

const logger = createLogger('gateway', 'silent')
const settle = async () => {}

t.test('a few clients are told at a time, each within the time until the next ones are', async (t) => {
  // On a slow machine they arrive in a heap, so this counts at their source.
  const batches: number[][] = []
  let batch: number[] | undefined
  const deserted = new AbortController()
  const sessions = sessionsOf(150, (frame) => {
    if (batch === undefined) {
      batch = []
      batches.push(batch)
      // Those of one step are told in one go.
      queueMicrotask(() => {
        batch = undefined
      })
    }
    if (frame.type === 'reconnect') batch.push(frame.after)
    if (batches.flat().length === 150) deserted.abort()
  })
  await drain({ sessions, longest: 15_000, deserted: deserted.signal, settle, clock: systemClock, logger })
  const sizes = batches.map(({ length }) => length)
  t.equal(batches.flat().length, 150)
  // 250 ms at most for one step, and 10 ms for each client.
  t.ok(Math.max(...sizes) <= 26, `at a time ${sizes}`)
  t.ok(
    batches.flat().every((after) => after < 250),
    `after ${batches.flat()} ms`,
  )
  t.ok(new Set(batches.flat()).size > 20)
})

t.test('it is over when the last one has gone, however long it might have taken', async (t) => {
  const deserted = new AbortController()
  // They could take a minute.
  const sessions = sessionsOf(6_000, () => deserted.abort())
  const drained = drain({
    sessions,
    longest: 60_000,
    deserted: deserted.signal,
    settle,
    clock: systemClock,
    logger,
  })
  const late = new AbortController()
  const race = [drained.then(() => 'over'), sleep(50_000, 'late', late)]
  t.equal(await Promise.race(race), 'over')
  late.abort()
})

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
    const many = await connectMany(t, gateway, 20)
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
    let confirm = () => {}
    const confirmed = new Promise<void>((resolve) => {
      confirm = resolve
    })
    // A log that confirms nothing yet, so that much is under way when the time has come.
    log.publish = async (event) => {
      if (event.type === 'message') {
        begun++
        await confirmed
      }
      await publish.call(log, event)
    }
    const patience = 200
    const drainTimes = { patience, confirmTimeout: 120_000 }
    const { gateway, ws, metric } = await build(t, { log, drainTimes })
    const ada = await connectChat(t, ws, { name: 'Ada', timeout: 120_000 })
    await ada.join('general')
    const before = log.length
    let acknowledged = 0
    let open = true
    void ada.closed.then(() => {
      open = false
    })
    const sending = (async () => {
      for (let n = 0; open; n++) {
        ada.send('general', `${n}`).then(
          () => acknowledged++,
          () => {},
        )
        await sleep(10)
      }
    })()
    await until(() => begun > 50, 60_000, 'it to have said something')
    const drained = gateway.drain(0)
    // Its timer was set before and is shorter: when this one is over, the time has come.
    await sleep(3 * patience)
    t.equal(await metric('rabble_gateway_connections'), 1, 'what was taken is waited for')
    confirm()
    t.match(await ada.closed, { code: 1012, reason: 'this gateway is draining' })
    await Promise.all([sending, drained])
    t.ok(acknowledged > 50, `${acknowledged} were acknowledged`)
    t.equal(log.length - before, acknowledged, 'nothing is in the log that was not')
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
  // More turns than it takes to give a name back.
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  const stranger = await connectChat(t, b.ws, { hello: false })
  await t.rejects(stranger.request({ type: 'hello', name: 'Ada' }), { code: 'name-taken' })
  const again = await connectChat(t, b.ws, { name: 'Ada' })
  t.equal(again.user?.id, ada.user?.id)
})

t.test('a log that confirms nothing does not hold up the end for ever', async (t) => {
  const log = createMemoryLog()
  const { gateway, ws } = await build(t, { log, drainTimes: { patience: 100, confirmTimeout: 500 } })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  log.publish = () => new Promise(() => {})
  const sent = t.rejects(ada.send('general', 'hi'), { code: 'closed' })
  await gateway.drain(0)
  t.match(await ada.closed, { code: 1012 })
  await sent
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { until } from '@rabble/harness'
import t from 'tap'
import { WebSocket } from 'ws'
import { ChatError, connect } from '../src/index.ts'
import { pretendBrowser, statesOf } from './build.ts'
import { lose, nextAttempt, refusal, startFakeGateway } from './fake-gateway.ts'

t.test('a guest gets in, and everybody can see as whom and where', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  t.match(chat.state, { status: 'connecting', attempt: 1 })
  const states = statesOf(chat)
  await chat.ready
  t.match(chat.state, {
    status: 'open',
    user: { id: 'guest-ada', name: 'Ada' },
    gateway: 'fake',
    session: 's-1',
    transport: 'websocket',
  })
  t.same(chat.user, { id: 'guest-ada', name: 'Ada' })
  t.same(states, ['open'])
  t.same(gateway.frames('hello'), [{ type: 'hello', name: 'Ada' }])
})

t.test('the address may be a page below a path, or that of the WebSocket', async (t) => {
  const gateway = await startFakeGateway(t)
  const seen: string[] = []
  class Seen extends WebSocket {
    constructor(url: string, protocol: string) {
      seen.push(url)
      super(gateway.url.replace('http', 'ws'), protocol)
    }
  }
  for (const url of [
    'https://a.example/chat/?x#general',
    'wss://a.example/chat/ws',
    'https://a.example/chat/',
  ]) {
    await gateway.connect({ url, WebSocket: Seen }).ready
  }
  t.same(seen, Array(3).fill('wss://a.example/chat/ws'))
  t.throws(() => connect({ url: 'ftp://a.example', WebSocket }), TypeError)
  t.throws(() => connect({ WebSocket }), { message: /Invalid URL/ })
})

t.test('where there is no WebSocket, the chat begins with the next transport, if there is one', async (t) => {
  const there = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  Object.defineProperty(globalThis, 'WebSocket', { value: undefined, configurable: true })
  t.teardown(() =>
    Object.defineProperty(globalThis, 'WebSocket', there ?? { value: undefined, configurable: true }),
  )
  const gateway = await startFakeGateway(t)
  const chat = connect({ url: gateway.url, name: 'Ada', clock: gateway.clock })
  t.teardown(() => chat.close())
  await chat.ready
  t.match(chat.state, { status: 'open', transport: 'sse' })
  t.throws(() => connect({ url: gateway.url, transports: ['websocket'] }), {
    code: 'no-websocket',
    message: /package ws/,
  })
})

t.test('a lost connection comes back by itself, after a wait', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  await chat.ready
  const states = statesOf(chat)
  gateway.connections[0]?.close()
  await until(() => chat.status === 'waiting', 30_000, 'the loss')
  t.match(chat.state, { attempt: 1, reason: 'the connection was lost' })
  t.equal(gateway.attempts, 1, 'not at once')
  await nextAttempt(gateway, chat)
  await until(() => chat.status === 'open', 30_000, 'the second connection')
  t.same(states, ['waiting', 'connecting', 'open'])
  t.equal(gateway.attempts, 2)
})

t.test('a gateway that does not answer the hello in five seconds is left for another try', async (t) => {
  t.intercept(Math, 'random', { value: () => 0.5 })
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' && gateway.connections.length === 1 ? null : undefined,
  )
  const chat = gateway.connect()
  await until(() => gateway.frames('hello').length === 1, 30_000, 'the hello')
  await gateway.clock.advance(4_999)
  t.match(chat.state, { status: 'connecting', attempt: 1 })
  await gateway.clock.advance(1)
  t.match(chat.state, { status: 'waiting', attempt: 1, reason: 'no answer in time' })
  await nextAttempt(gateway, chat)
  await chat.ready
  t.equal(gateway.attempts, 2)
})

const finalCloses = { 1007: 'not-text', 1008: 'policy', 1009: 'too-large', 4401: 'token-expired' }
for (const [code, name] of Object.entries(finalCloses)) {
  t.test(`after close code ${code} nobody comes back`, async (t) => {
    const gateway = await startFakeGateway(t)
    const chat = gateway.connect()
    await chat.ready
    gateway.connections[0]?.close(Number(code), 'you are banned')
    await until(() => chat.status === 'closed', 30_000, 'the end')
    t.same(chat.state, { status: 'closed', code: name, reason: 'you are banned' })
    await gateway.clock.advance(600_000)
    t.equal(gateway.attempts, 1)
    t.equal(gateway.clock.pending, 0, 'and nobody ever will')
  })
}

t.test('a gateway that went silent is noticed', async (t) => {
  t.intercept(Math, 'random', { value: () => 0.5 })
  let deaf = false
  const gateway = await startFakeGateway(t, (frame) => (deaf && frame.type === 'ping' ? null : undefined))
  const { clock } = gateway
  const chat = gateway.connect({ heartbeat: 800 })
  await chat.ready
  for (const pings of [1, 2]) {
    // Every 100 ms it checks whether it was silent for more than 800 ms.
    await clock.advance(900)
    await until(() => gateway.frames('ping').length === pings, 30_000, 'a ping')
    // The answer to this request comes after the answer to the ping.
    await chat.room('general').fetchMembers()
  }
  t.equal(chat.status, 'open', 'one that answers is kept')
  deaf = true
  await clock.advance(900)
  await until(() => gateway.frames('ping').length === 3, 30_000, 'a ping')
  await clock.advance(399)
  t.equal(chat.status, 'open')
  await clock.advance(1)
  t.match(chat.state, { status: 'waiting', reason: 'the server does not answer' })
  await nextAttempt(gateway, chat)
  await until(() => chat.status === 'open', 30_000, 'another connection')
  await until(() => gateway.connections[0]?.code !== undefined, 30_000, 'the end of the first one')
  t.equal(gateway.connections[0]?.code, 4000, 'not a goodbye: the name stays held')
})

t.test('a browser that says it is online again is believed at once', async (t) => {
  const browser = pretendBrowser(t)
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  await chat.ready
  browser.onLine = false
  browser.dispatch('offline')
  await until(() => gateway.frames('ping').length === 1, 30_000, 'a look whether that is so')
  gateway.connections[0]?.close()
  await until(() => chat.status === 'waiting', 30_000, 'the loss')
  t.match(chat.state, { until: gateway.clock.now() + 30_000 }, 'offline, it takes its time')
  browser.onLine = true
  browser.dispatch('online')
  await until(() => chat.status === 'open', 30_000, 'the second connection')
  t.equal(gateway.attempts, 2)
})

t.test('a chat can ask which gateways there are', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'gateways' && frame.ref !== undefined
      ? { type: 'gateways', ref: frame.ref, gateways: [], here: 'fake' }
      : undefined,
  )
  const chat = gateway.connect()
  await t.rejects(chat.gateways(), { code: 'disconnected' })
  await chat.ready
  t.same(await chat.gateways(), { gateways: [], here: 'fake' })
})

t.test('a question without an answer fails after fifteen seconds', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => (frame.type === 'members' ? null : undefined))
  const chat = gateway.connect()
  await chat.ready
  const outcomes: unknown[] = []
  const failed = chat
    .room('general')
    .fetchMembers()
    .catch((error: unknown) => outcomes.push(error))
  await gateway.clock.advance(14_999)
  t.same(outcomes, [])
  await gateway.clock.advance(1)
  await failed
  t.match(outcomes, [{ code: 'timeout', retry: true }])
})

t.test('close is a goodbye, after which nothing happens any more', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  await chat.ready
  const reader = chat.room('general')[Symbol.asyncIterator]()
  chat.close()
  chat.reconnect()
  t.match(chat.state, { status: 'closed', code: 'closed' })
  await until(() => gateway.connections[0]?.code === 1000, 30_000, 'the goodbye')
  while (!(await reader.next()).done);
  await gateway.clock.advance(600_000)
  t.equal(gateway.attempts, 1)
  t.equal(gateway.clock.pending, 0)
  const early = gateway.connect()
  early.close()
  await t.rejects(early.ready, new ChatError('closed'))
  t.equal(gateway.attempts, 1)
})

t.test('a chat that is closed while it waits makes no further attempt', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  await chat.ready
  gateway.connections[0]?.close()
  await until(() => chat.status === 'waiting', 30_000, 'the loss')
  chat.close()
  await gateway.clock.advance(600_000)
  t.equal(gateway.attempts, 1)
  t.equal(gateway.clock.pending, 0)
})

t.test('a connection that held for more than five seconds is followed by a short wait again', async (t) => {
  t.intercept(Math, 'random', { value: () => 0.5 })
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  const waits: number[] = []
  chat.on('state', ({ state }) => {
    if (state.status === 'waiting') waits.push(state.until - gateway.clock.now())
  })
  for (const held of [0, 0, 5_001]) {
    await until(() => chat.status === 'open', 30_000, 'the connection')
    await gateway.clock.advance(held)
    await lose(gateway, chat)
  }
  t.same(waits, [250, 500, 250])
})

t.test('a program that closes its chat ends, whatever the chat was waiting for', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'join' ? refusal(frame, 'room-full', { retryAfter: 600_000 }) : undefined,
  )
  const program = `
    import { connect } from '@rabble/client'
    import { WebSocket } from 'ws'
    const chat = connect({ url: '${gateway.url}', name: 'Ada', WebSocket })
    const room = chat.room('general')
    room.on('left', () => setTimeout(() => chat.close()))
    void room.join()`
  // A separate process uses the clock of the machine.
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    // Relative to packages/client/dist/test.
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    stdio: 'inherit',
    timeout: 180_000,
  })
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type TestContext, until } from '@rabble/harness'
import t from 'tap'
import { WebSocket } from 'ws'
import { ChatError, type ChatState, connect } from '../src/index.ts'
import { chatWith, createStorage } from './build.ts'
import { type Answer, guestToken, refusal, startFakeGateway, welcome } from './fake-gateway.ts'

/** Every state that a chat takes from now on. */
function statesOf(chat: ReturnType<typeof connect>): ChatState[] {
  const states: ChatState[] = []
  chat.on('state', (state) => states.push(state))
  return states
}

/** Gets in behind everything that was on its way before. */
async function somebodyElse(t: TestContext, url: string): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve))
  await chatWith(t, { url, name: 'Bob' }).ready
}

t.test('a guest gets in, and everybody can see as whom and where', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  t.match(chat.state, { is: 'connecting', attempt: 1 })
  const states = statesOf(chat)
  await chat.ready
  t.match(chat.state, { is: 'open', user: { id: 'guest-ada', name: 'Ada' }, gateway: 'fake', session: 's-1' })
  t.same(chat.user, { id: 'guest-ada', name: 'Ada' })
  t.same(
    states.map(({ is }) => is),
    ['open'],
  )
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
    await chatWith(t, { url, WebSocket: Seen }).ready
  }
  t.same(seen, Array(3).fill('wss://a.example/chat/ws'))
  t.throws(() => connect({ url: 'ftp://a.example', WebSocket }), TypeError)
  t.throws(() => connect({ WebSocket }), { message: /Invalid URL/ })
})

t.test('where there is no WebSocket, connect says which one to pass', async (t) => {
  const there = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  Object.defineProperty(globalThis, 'WebSocket', { value: undefined, configurable: true })
  t.teardown(() =>
    Object.defineProperty(globalThis, 'WebSocket', there ?? { value: undefined, configurable: true }),
  )
  t.throws(() => connect({ url: 'http://127.0.0.1:1' }), { code: 'no-websocket', message: /package ws/ })
})

t.test('a lost connection comes back by itself, as the same guest', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' ? welcome({ token: `token-${frame.token ?? 'first'}` }) : undefined,
  )
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  await chat.ready
  const states = statesOf(chat)
  gateway.connections[0]?.close()
  await until(
    () => chat.state.is === 'open' && gateway.connections.length === 2,
    30_000,
    'the second connection',
  )
  t.same(
    states.map(({ is }) => is),
    ['waiting', 'connecting', 'open'],
  )
  t.match(states[0], { attempt: 1, why: String })
  t.same(gateway.frames('hello')[1], { type: 'hello', token: 'token-first' })
})

t.test('a guest keeps its token where a gateway has no fresh one to give', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' && frame.token !== undefined ? welcome() : undefined,
  )
  const storage = createStorage()
  storage.setItem('rabble.guest.Ada', JSON.stringify({ token: 'kept' }))
  const chat = chatWith(t, { url: gateway.url, name: 'Ada', storage })
  await chat.ready
  gateway.connections[0]?.close()
  await until(() => gateway.frames('hello').length === 2, 30_000, 'the second hello')
  t.same(gateway.frames('hello')[1], { type: 'hello', token: 'kept' })
})

t.test('a reload is the same guest, if there is a storage', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' ? welcome({ token: 'a-token' }) : undefined,
  )
  const storage = createStorage()
  const before = chatWith(t, { url: gateway.url, name: 'Ada', storage })
  await before.ready
  before.close()
  const after = chatWith(t, { url: gateway.url, name: 'Ada', storage })
  t.same(after.user, { id: 'guest-ada', name: 'Ada' }, 'and known before there is a connection')
  await after.ready
  const other = chatWith(t, { url: gateway.url, name: 'Bob', storage })
  await other.ready
  t.same(gateway.frames('hello').slice(1), [
    { type: 'hello', token: 'a-token' },
    { type: 'hello', name: 'Bob' },
  ])
})

t.test('a guest whose token is too old comes with the name again, on the same connection', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type !== 'hello') return undefined
    return frame.token === 'old'
      ? refusal(frame, 'unauthorized')
      : welcome({ token: frame.name ? 'old' : 'x' })
  })
  const storage = createStorage()
  await chatWith(t, { url: gateway.url, name: 'Ada', storage }).ready
  await chatWith(t, { url: gateway.url, name: 'Ada', storage }).ready
  t.same(gateway.connections[1]?.frames, [
    { type: 'hello', token: 'old' },
    { type: 'hello', name: 'Ada' },
  ])
})

t.test('a name that somebody else holds ends it, and says so', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' && frame.name === 'Ada'
      ? refusal(frame, 'name-taken', { retryAfter: 9 })
      : undefined,
  )
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  const room = chat.room('general')
  await t.rejects(chat.ready, { code: 'name-taken', message: 'this is name-taken' })
  t.match(chat.state, { is: 'closed', code: 'name-taken', why: 'this is name-taken', retry: false })
  t.match(room.state, { is: 'out', code: 'closed' })
  await t.rejects(room.send('hello'), { code: 'closed' })
  await chatWith(t, { url: gateway.url, name: 'Ada Two' }).ready
})

t.test('who was in already waits for a name that is held for somebody who vanished', async (t) => {
  let refusals = 2
  const gateway = await startFakeGateway(t, (frame, { open }) => {
    if (frame.type !== 'hello' || !open || gateway.connections.length === 1) return undefined
    return refusals-- > 0 ? refusal(frame, 'name-taken', { retryAfter: 5 }) : undefined
  })
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  await chat.ready
  gateway.connections[0]?.close()
  await until(() => chat.state.is === 'open' && refusals < 0, 30_000, 'the name')
  t.equal(gateway.connections.length, 4)
})

for (const code of [1007, 1008, 1009]) {
  t.test(`after close code ${code} nobody comes back`, async (t) => {
    // Who came back would do so without a pause.
    t.intercept(Math, 'random', { value: () => 0 })
    const gateway = await startFakeGateway(t)
    const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
    await chat.ready
    gateway.connections[0]?.close(code, 'you are banned')
    await until(() => chat.state.is === 'closed', 30_000, 'the end')
    t.same(chat.state, { is: 'closed', code, why: 'you are banned', retry: false })
    await somebodyElse(t, gateway.url)
    t.equal(gateway.connections.length, 2, 'only somebody else has come')
  })
}

t.test(
  'with getToken, a token that has expired is replaced, and one that is refused again is the end',
  async (t) => {
    const good = new Set(['one', 'two'])
    const gateway = await startFakeGateway(t, (frame) =>
      frame.type === 'hello' && !good.has(frame.token ?? '') ? refusal(frame, 'unauthorized') : undefined,
    )
    let token = 'one'
    const chat = chatWith(t, { url: gateway.url, getToken: async () => token })
    await chat.ready
    token = 'two'
    gateway.connections[0]?.close(1008, 'the token has expired')
    await until(
      () => gateway.connections.length === 2 && chat.state.is === 'open',
      30_000,
      'the second token',
    )
    t.same(gateway.frames('hello')[1], { type: 'hello', token: 'two' })
    gateway.connections[1]?.close(1008, 'kicked')
    await until(() => chat.state.is === 'closed', 30_000, 'the end')
    t.match(chat.state, { code: 1008, why: 'kicked' }, 'the same token again is no other one')
  },
)

t.test('a getToken that fails is asked again', async (t) => {
  const gateway = await startFakeGateway(t)
  let calls = 0
  const getToken = () => {
    if (++calls === 1) throw new Error('no network')
    return 'one'
  }
  const chat = chatWith(t, { url: gateway.url, getToken })
  const states = statesOf(chat)
  await chat.ready
  t.match(states, [
    { is: 'waiting', why: 'Error: no network' },
    { is: 'connecting', attempt: 2 },
    { is: 'open' },
  ])
})

t.test('told to reconnect, it opens the next connection before it lets go of this one', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  const room = chat.room('general')
  await room.join()
  const states = statesOf(chat)
  let openThen: boolean | undefined
  chat.on('state', () => {
    openThen = gateway.connections[0]?.open
  })
  gateway.connections[0]?.send({ type: 'reconnect', after: 30 })
  await until(() => gateway.connections[1]?.frames.length === 2, 30_000, 'the next connection')
  await until(() => gateway.connections[0]?.code !== undefined, 30_000, 'the end of the first one')
  t.same(
    states.map(({ is }) => is),
    ['open'],
    'there was no moment without a connection',
  )
  t.equal(openThen, true)
  t.equal(gateway.connections[0]?.code, 1000)
  t.match(gateway.connections[1]?.frames, [{ type: 'hello' }, { type: 'join', room: 'general' }])
  await until(() => room.state.is === 'in', 30_000, 'the room')
  chat.reconnect()
  await until(() => gateway.connections[2]?.frames.length === 2, 30_000, 'the third connection')
  await until(() => room.state.is === 'in', 30_000, 'the room')
})

for (const [what, fail] of Object.entries({
  'that is full': (frame) => refusal(frame, 'unavailable'),
  'that is lost': (_, connection) => {
    connection.close()
    return null
  },
} satisfies Record<string, Answer>)) {
  t.test(`a move to a gateway ${what} costs nothing, and is tried again`, async (t) => {
    const gateway = await startFakeGateway(t, (frame, connection) => {
      if (frame.type !== 'hello') return undefined
      if (gateway.connections.length === 2) return fail(frame, connection)
      // The next attempt comes when it comes: it waits here until the test has seen that the first connection goes on.
      return gateway.connections.length === 3 ? null : undefined
    })
    const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
    const room = chat.room('general')
    await room.join()
    const states = statesOf(chat)
    gateway.connections[0]?.send({ type: 'reconnect', after: 0 })
    await until(() => gateway.connections[1]?.open === false, 30_000, 'the attempt that fails')
    await room.send('still here')
    await until(() => gateway.connections[2]?.frames[0]?.type === 'hello', 30_000, 'the next attempt')
    gateway.connections[2]?.send(welcome())
    await until(() => gateway.connections[2]?.frames[1]?.type === 'join', 30_000, 'the move')
    await until(() => gateway.connections[0]?.code === 1000, 30_000, 'the end of the first one')
    t.same(
      states.map(({ is }) => is),
      ['open'],
      'there was no moment without a connection',
    )
    t.equal(gateway.connections[0]?.frames.at(-1)?.type, 'send')
  })
}

t.test('a move that is refused for good leaves the chat where it is', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' && gateway.connections.length === 2 ? refusal(frame, 'forbidden') : undefined,
  )
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  const room = chat.room('general')
  await room.join()
  chat.reconnect()
  await until(() => gateway.connections[1]?.code !== undefined, 30_000, 'the refusal')
  await room.send('still here')
  t.equal(chat.state.is, 'open')
  gateway.connections[0]?.close()
  await until(() => gateway.connections.length === 3 && room.state.is === 'in', 30_000, 'a way back')
})

t.test('a guest gets another token before this one is too old', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello'
      ? welcome({ token: guestToken(gateway.connections.length === 1 ? 2 : 1e9) })
      : undefined,
  )
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  await chat.ready
  const states = statesOf(chat)
  await until(
    () => gateway.connections.length === 2 && chat.state.is === 'open',
    30_000,
    'another connection',
  )
  await until(() => gateway.connections[0]?.code === 1000, 30_000, 'the end of the first one')
  t.same(gateway.frames('hello')[1], { type: 'hello', token: guestToken(2) })
  t.same(
    states.map(({ is }) => is),
    ['open'],
    'there was no moment without a connection',
  )
  for (let index = 0; index < 20; index++) await chat.room('general').send('hello')
  t.equal(gateway.connections.length, 2, 'a life longer than timers know is no reason to hurry')
})

t.test('a gateway that went silent is noticed', async (t) => {
  let deaf = false
  const gateway = await startFakeGateway(t, (frame) => (deaf && frame.type === 'ping' ? null : undefined))
  // The clock goes on only when the test has seen what it wants to: a busy machine is no silence.
  let now = Date.now()
  t.intercept(Date, 'now', { value: () => now })
  const chat = chatWith(t, { url: gateway.url, name: 'Ada', heartbeat: 800 })
  await chat.ready
  for (const pings of [1, 2]) {
    now += 801
    await until(() => gateway.frames('ping').length === pings, 30_000, 'a ping')
    // The answer to what is asked now comes behind that to the ping.
    await chat.room('general').members()
  }
  t.equal(gateway.connections.length, 1, 'one that answers is kept')
  deaf = true
  now += 801
  await until(() => gateway.frames('ping').length === 3, 30_000, 'a ping')
  now += 401
  await until(() => gateway.connections.length === 2, 30_000, 'another connection')
  await until(() => gateway.connections[0]?.code !== undefined, 30_000, 'the end of the first one')
  t.equal(gateway.connections[0]?.code, 4000, 'not a goodbye: the name stays held')
})

t.test('a browser that says it is online again is believed at once', async (t) => {
  const browser = new EventTarget()
  let onLine = true
  Object.assign(globalThis, {
    addEventListener: browser.addEventListener.bind(browser),
    removeEventListener: browser.removeEventListener.bind(browser),
  })
  const navigator = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
  Object.defineProperty(globalThis, 'navigator', {
    value: {
      get onLine() {
        return onLine
      },
    },
    configurable: true,
  })
  t.teardown(() => {
    Object.assign(globalThis, { addEventListener: undefined, removeEventListener: undefined })
    Object.defineProperty(globalThis, 'navigator', navigator ?? { value: undefined, configurable: true })
  })
  const gateway = await startFakeGateway(t)
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  await chat.ready
  onLine = false
  browser.dispatchEvent(new Event('offline'))
  await until(() => gateway.frames('ping').length === 1, 30_000, 'a look whether that is so')
  const before = Date.now()
  gateway.connections[0]?.close()
  await until(() => chat.state.is === 'waiting', 30_000, 'the loss')
  t.ok(chat.state.is === 'waiting' && chat.state.until - before >= 30_000, 'offline, it takes its time')
  onLine = true
  browser.dispatchEvent(new Event('online'))
  await until(() => chat.state.is === 'open', 30_000, 'the second connection')
  t.equal(gateway.connections.length, 2)
})

t.test('a chat can ask which gateways there are', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'gateways' && frame.ref !== undefined
      ? { type: 'gateways', ref: frame.ref, gateways: [], here: 'fake' }
      : undefined,
  )
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  await t.rejects(chat.gateways(), { code: 'disconnected' })
  await chat.ready
  t.same(await chat.gateways(), { gateways: [], here: 'fake' })
})

t.test('close is a goodbye, after which nothing happens any more', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  await chat.ready
  const reader = chat.room('general')[Symbol.asyncIterator]()
  chat.close()
  chat.reconnect()
  t.match(chat.state, { is: 'closed', code: 'closed', retry: false })
  await until(() => gateway.connections[0]?.code === 1000, 30_000, 'the goodbye')
  while (!(await reader.next()).done);
  await somebodyElse(t, gateway.url)
  t.equal(gateway.connections.length, 2, 'only somebody else has come')
  const early = connect({ url: gateway.url, WebSocket })
  early.close()
  await t.rejects(early.ready, new ChatError('closed', 'the chat was closed'))
})

t.test('a program that closes its chat ends, whatever the chat was waiting for', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'join' ? refusal(frame, 'room-full', { retryAfter: 600_000 }) : undefined,
  )
  const program = `
    import { connect } from '@rabble/client'
    import { WebSocket } from 'ws'
    const chat = connect({ url: '${gateway.url}', name: 'Ada', WebSocket })
    chat.room('general').on('left', () => setTimeout(() => chat.close()))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    // From packages/client/dist/test.
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    stdio: 'inherit',
    timeout: 180_000,
  })
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
})

import { until } from '@rabble/harness'
import t, { type Test } from 'tap'
import type { Chat, ConnectOptions, Transport } from '../src/index.ts'
import { createStorage, enter, statesOf } from './build.ts'
import { type FakeGateway, lose, message, nextAttempt, startFakeGateway, welcome } from './fake-gateway.ts'

const transports: readonly Transport[] = ['websocket', 'sse', 'polling']

/** Starts a server whose gateways have addresses of their own. Its guests get a token. */
async function start(t: Test, more: Parameters<typeof welcome>[0] = { token: 'token', route: true }) {
  t.intercept(Math, 'random', { value: () => 0.5 })
  const gateway = await startFakeGateway(t, ({ type }) => (type === 'hello' ? welcome(more) : undefined))
  gateway.route = { path: '/g1/ws' }
  return {
    gateway,
    clock: gateway.clock,
    connect: (options?: ConnectOptions) => gateway.connect({ transports, ...options }),
  }
}

function reaches(chat: Chat, transport: Transport): Promise<void> {
  return until(() => chat.state.status === 'open' && chat.state.transport === transport, 30_000, transport)
}

/** Opens a chat over a gateway's own address. */
async function goDirect(gateway: FakeGateway, chat: Chat): Promise<void> {
  await chat.ready
  await gateway.clock.advance(30_000)
  await reaches(chat, 'direct')
}

t.test('a chat that is not offered the direct way does not ask for it', async (t) => {
  const { gateway, clock, connect } = await start(t, { token: 'token' })
  const chat = connect()
  await chat.ready
  await clock.advance(3_600_000)
  await lose(gateway, chat)
  await reaches(chat, 'websocket')
  t.same(gateway.questions, [])
  t.same(gateway.paths, ['/ws', '/ws'])
})

t.test('a chat that is offered the direct way moves there, with its token and without a gap', async (t) => {
  const { gateway, clock, connect } = await start(t)
  const chat = connect()
  const room = enter(chat, 'general')
  await room.join()
  const states = statesOf(chat)
  await clock.advance(29_999)
  t.same(gateway.questions, [], 'connecting costs no question')
  gateway.connections[0]?.send(message('general', 'm1'))
  await until(() => room.messages.length === 1, 30_000, 'the message')
  await clock.advance(1)
  await reaches(chat, 'direct')
  t.same(gateway.paths, ['/ws', '/g1/ws'])
  t.same(states, ['open'])
  await until(() => gateway.connections[0]?.code === 1000, 30_000, 'the end of the first session')
  t.match(gateway.connections[1]?.frames, [
    { type: 'hello', token: 'token' },
    { type: 'join', after: 'm1' },
  ])
  await clock.advance(3_600_000)
  t.same(gateway.questions, [''], 'and stays')
})

t.test('a chat that leaves or loses a gateway asks for another one', async (t) => {
  const { gateway, clock, connect } = await start(t)
  const chat = connect()
  const room = enter(chat, 'general')
  await goDirect(gateway, chat)
  gateway.route = { path: '/g2/ws' }
  gateway.connections[1]?.send({ type: 'reconnect', after: 1_000 })
  await room.fetchMembers()
  await clock.advance(1_000)
  await until(() => gateway.paths.at(-1) === '/g2/ws', 30_000, 'the move')
  await until(() => gateway.connections[1]?.code === 1000, 30_000, 'the end of the session before')
  gateway.route = { path: '/g3/ws' }
  await lose(gateway, chat)
  await reaches(chat, 'direct')
  const url = gateway.url.replace('http', 'ws')
  t.same(gateway.questions, ['', `not=${url}/g1/ws`, `not=${url}/g2/ws`])
  t.same(gateway.paths, ['/ws', '/g1/ws', '/g2/ws', '/g3/ws'])
})

t.test('after a reload the direct way is the first one, and only the second failure ends that', async (t) => {
  const storage = createStorage()
  const { gateway, clock, connect } = await start(t)
  const first = connect({ storage })
  await goDirect(gateway, first)
  first.close()
  const second = connect({ storage })
  await second.ready
  t.match(second.state, { transport: 'direct' })
  second.close()
  t.same(gateway.paths, ['/ws', '/g1/ws', '/g1/ws'])

  gateway.directSockets = 'refused'
  const third = connect({ storage })
  for (let failed = 0; failed < 2; failed++) {
    await until(() => third.status === 'waiting', 30_000, 'a failed attempt')
    await nextAttempt(gateway, third)
  }
  await reaches(third, 'websocket')
  t.same(gateway.paths.slice(3), ['/g1/ws', '/g1/ws', '/ws'])
  gateway.directSockets = 'open'
  await clock.advance(30_000)
  await reaches(third, 'direct')
})

for (const state of ['refused', 'silent'] as const) {
  t.test(`a direct address that is ${state} disturbs nothing, and is tried again`, async (t) => {
    const { gateway, clock, connect } = await start(t)
    gateway.directSockets = state
    const chat = connect()
    const room = enter(chat, 'general')
    await room.join()
    const states = statesOf(chat)
    for (const [attempts, wait] of [
      [2, 30_000],
      [3, 60_000],
    ] as const) {
      await clock.advance(wait)
      await until(() => gateway.attempts === attempts, 30_000, 'the attempt')
      if (state === 'silent') await clock.advance(5_000)
      await until(() => gateway.closed === attempts - 1, 30_000, 'its end')
      await room.send('still here')
    }
    t.same(states, [])
    t.match(chat.state, { status: 'open', transport: 'websocket' })
    await lose(gateway, chat)
    await reaches(chat, 'websocket')
    t.same(gateway.paths, ['/ws', '/g1/ws', '/g1/ws', '/ws'])
  })
}

for (const [what, route] of Object.entries({
  'does not know the question': undefined,
  'is down but for its WebSockets': { status: 503 },
  'names no WebSocket': { path: ' :::' },
} satisfies Record<string, FakeGateway['route']>)) {
  t.test(`a chat that wants the direct way of a server that ${what} takes the usual one`, async (t) => {
    const { gateway, connect } = await start(t)
    gateway.route = route
    const chat = connect({ transports: ['direct', ...transports] })
    await until(() => chat.status === 'waiting', 30_000, 'the failed attempt')
    await nextAttempt(gateway, chat)
    await reaches(chat, 'websocket')
    t.equal(gateway.questions.length, 1)
    await chat.room('general').send('hello')
  })
}

t.test('a user whom only a cookie identifies stays where the cookie is sent to', async (t) => {
  const { gateway, clock, connect } = await start(t, { route: true })
  const chat = connect()
  await chat.ready
  await clock.advance(3_600_000)
  t.same(gateway.questions, [])
})

t.test('a user whom only a cookie identifies is not taken to where a guest was before', async (t) => {
  const storage = createStorage()
  const { gateway, connect } = await start(t)
  const guest = connect({ storage, name: 'Guest' })
  await goDirect(gateway, guest)
  guest.close()
  const { length } = gateway.paths
  const chat = connect({ storage, name: 'Ada' })
  await chat.ready
  t.same(gateway.paths.slice(length), ['/ws'], 'a hello without a token goes where the cookie is sent to')
})

t.test('an application that chose its transports is not moved', async (t) => {
  const { gateway, clock, connect } = await start(t)
  const chat = connect({ transports: ['sse'] })
  await chat.ready
  await clock.advance(60_000)
  t.same(gateway.questions, [])
  const direct = connect({ transports: ['direct', 'websocket'] })
  await direct.ready
  t.match(direct.state, { transport: 'direct' }, 'but may choose the direct way for its first connection')
})

import { until } from '@rabble/harness'
import t from 'tap'
import { enter, idsIn, pretendBrowser, watch } from './build.ts'
import { type Answer, message, refusal, welcome } from './fake-gateway.ts'
import { fails, fallBack, start } from './fallen-back.ts'

t.test(
  'a chat over Server-Sent Events comes back to the WebSocket in the background, without a gap',
  async (t) => {
    const { gateway, clock, streams, chat } = await fallBack(t)
    const room = enter(chat, 'general')
    const events = watch(room)
    await room.join()
    const states: unknown[] = []
    chat.on('state', ({ state }) => states.push(state.status === 'open' ? state.transport : state.status))
    for (const [attempts, wait] of [
      [2, 30_000],
      [3, 60_000],
      [4, 120_000],
    ] as const) {
      await clock.advance(wait - 1)
      t.equal(gateway.attempts, attempts - 1)
      await clock.advance(1)
      t.equal(gateway.attempts, attempts)
      await until(() => gateway.closed === attempts, 30_000, 'the refusal')
      await room.send('still here')
    }
    t.same(states, [], 'the session is not disturbed')
    const [session] = streams.sessions
    session?.send(message('general', 'm1'))
    await until(() => room.messages.length === 1, 30_000, 'the message')

    gateway.webSockets = 'open'
    await clock.advance(240_000)
    await until(() => room.status === 'joined' && states.length === 1, 30_000, 'the WebSocket')
    t.same(states, ['websocket'])
    t.match(gateway.frames('join').at(-1), { room: 'general', after: 'm1' })
    await until(() => session?.code === 1000, 30_000, 'the end of the first session')
    gateway.connections.at(-1)?.send(message('general', 'm2'))
    await until(() => room.messages.length === 2, 30_000, 'the message')
    t.same(idsIn(events), ['m1', 'm2'])
    await clock.advance(3_600_000)
    t.equal(gateway.attempts, 5, 'and stays')
  },
)

t.test(
  'attempts to come back become as rare as one in half an hour, until the browser is online again',
  async (t) => {
    const browser = pretendBrowser(t)
    const { gateway, clock, chat } = await fallBack(t)
    const next = async (wait: number) => {
      const { attempts } = gateway
      await until(() => gateway.closed === attempts, 30_000, 'the refusal')
      await clock.advance(wait - 1)
      t.equal(gateway.attempts, attempts)
      await clock.advance(1)
      t.equal(gateway.attempts, attempts + 1, `after ${wait} ms`)
    }
    for (const seconds of [30, 60, 120, 240, 480, 960, 1800, 1800]) await next(seconds * 1_000)
    await until(() => gateway.closed === gateway.attempts, 30_000, 'the refusal')
    browser.dispatch('online')
    await chat.room('general').fetchMembers()
    await next(30_000)

    await until(() => gateway.closed === gateway.attempts, 30_000, 'the refusal')
    gateway.webSockets = 'open'
    await next(60_000)
    await until(() => chat.state.status === 'open' && chat.state.transport === 'websocket', 30_000, 'it')
    const { attempts } = gateway
    browser.dispatch('online')
    await chat.room('general').fetchMembers()
    await clock.advance(3_600_000)
    t.equal(gateway.attempts, attempts, 'at the first transport it stays')
  },
)

for (const [what, fail] of Object.entries({
  'refuses the hello': (frame) => refusal(frame, 'unauthorized'),
  'closes for good': (_, connection) => {
    connection.close(1008, 'no')
    return null
  },
} satisfies Record<string, Answer>)) {
  t.test(`a gateway that ${what} on the way back disturbs nothing`, async (t) => {
    const { gateway, clock, connect } = await start(t, (frame, connection) =>
      frame.type !== 'hello'
        ? undefined
        : gateway.connections.length === 2
          ? fail(frame, connection)
          : welcome({ token: 'token' }),
    )
    gateway.webSockets = 'refused'
    const chat = connect()
    await fails(gateway, chat)
    const room = enter(chat, 'general')
    await room.join()
    gateway.webSockets = 'open'
    await clock.advance(30_000)
    await until(() => gateway.connections[1]?.open === false, 30_000, 'the refusal')
    await room.send('still here')
    t.match(chat.state, { status: 'open', transport: 'sse' })
    t.equal(gateway.connections[1]?.frames.length, 1, 'and comes as nobody else')
    await until(() => gateway.closed === 2, 30_000, 'the end of the attempt')
    await clock.advance(60_000)
    await until(
      () => chat.state.status === 'open' && chat.state.transport === 'websocket',
      30_000,
      'the WebSocket',
    )
  })
}

t.test(
  'a session that is lost during an attempt to come back is replaced over its own transport',
  async (t) => {
    const { gateway, clock, streams, chat } = await fallBack(t)
    for (const wait of [30_000, 60_000]) {
      await clock.advance(wait)
      await until(() => gateway.closed === gateway.attempts, 30_000, 'the refusal')
      await chat.room('general').fetchMembers()
    }
    gateway.webSockets = 'silent'
    await clock.advance(120_000)
    t.equal(gateway.attempts, 4)
    streams.sessions[0]?.close(1012)
    await fails(gateway, chat)
    await until(() => chat.status === 'open', 30_000, 'another session')
    t.match(chat.state, { transport: 'sse' }, 'failed attempts to come back don’t count')
    t.equal(gateway.attempts, 4)
  },
)

t.test('told to reconnect during an attempt to come back, it moves over its own transport', async (t) => {
  const { gateway, clock, streams, chat } = await fallBack(t)
  gateway.webSockets = 'silent'
  await clock.advance(30_000)
  t.equal(gateway.attempts, 2)
  streams.sessions[0]?.send({ type: 'reconnect', after: 1_000 })
  await chat.room('general').fetchMembers()
  await clock.advance(1_000)
  await until(() => streams.sessions[0]?.code === 1000, 30_000, 'the move')
  t.match(chat.state, { status: 'open', transport: 'sse' })
  t.equal(streams.sessions.length, 2)
})

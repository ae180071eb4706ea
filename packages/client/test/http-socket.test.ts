import { until } from '@rabble/harness'
import t, { type Test } from 'tap'
import type { ConnectOptions } from '../src/index.ts'
import { enter, idsIn, statesOf, watch } from './build.ts'
import { type Answer, type FakeGateway, message, nextAttempt, startFakeGateway } from './fake-gateway.ts'
import type { FakeStream } from './fake-streams.ts'

type HttpTransport = 'sse' | 'polling'
const transports: readonly HttpTransport[] = ['sse', 'polling']

/** Opens a chat in a room over one of these transports. */
async function openChat(t: Test, transport: HttpTransport, answer?: Answer, options?: ConnectOptions) {
  t.intercept(Math, 'random', { value: () => 0.5 })
  const gateway = await startFakeGateway(t, answer)
  const chat = gateway.connect({ transports: [transport], ...options })
  const room = enter(chat, 'general')
  const events = watch(room)
  await room.join()
  const session = gateway.streams.sessions[0] as FakeStream
  return { gateway, clock: gateway.clock, streams: gateway.streams, chat, room, events, session }
}

/** Lets time pass until a condition holds. Input and output need real time between the steps. */
async function pass({ clock }: FakeGateway, check: () => boolean, what: string): Promise<void> {
  await until(
    async () => {
      if (check()) return true
      await clock.advance(400)
      return false
    },
    30_000,
    what,
  )
}

for (const transport of transports) {
  t.test(`${transport}: frames come down in order, and in blocks`, async (t) => {
    const { session, events, room, chat } = await openChat(t, transport)
    t.match(chat.state, { status: 'open', transport })
    session.send(message('general', 'm1'))
    session.sendBlock([message('general', 'm2'), message('general', 'm3', 'a\nb\u2028c')])
    session.send(message('general', 'm4'))
    await until(() => room.messages.length === 4, 30_000, 'all of them')
    t.same(idsIn(events), ['m1', 'm2', 'm3', 'm4'])
    t.equal(room.messages[2]?.text, 'a\nb\u2028c')
  })

  t.test(`${transport}: frames go up one request after the other, and collect meanwhile`, async (t) => {
    const { streams, room, chat } = await openChat(t, transport)
    let open = (_?: unknown) => {}
    streams.gate = new Promise((resolve) => {
      open = resolve
    })
    const before = streams.of('POST').length
    const asked = [room.fetchMembers()]
    await until(() => streams.of('POST').length > before, 30_000, 'the first request')
    for (let count = 0; count < 3; count++) asked.push(room.fetchMembers())
    open()
    await Promise.all(asked)
    t.same(
      streams
        .of('POST')
        .slice(before)
        .map(({ body }) => body.split('\n').length),
      [1, 3],
    )
    t.equal(streams.concurrentPosts, 1)
    // Two of these exceed what goes up together.
    const long = ['a', 'b', 'c'].map((letter) => letter.repeat(12_000))
    await Promise.all(long.map((text, index) => chat.room(`room-${index}`).send(text)))
    t.equal(streams.concurrentPosts, 1)
    for (const { body } of streams.of('POST')) t.ok(body.length <= 16 * 1024)
  })

  t.test(
    `${transport}: a response that is cut within a block is continued, without loss or repeat`,
    async (t) => {
      const { gateway, session, room, events, chat, streams } = await openChat(t, transport)
      const states = statesOf(chat)
      session.send(message('general', 'm1'))
      await until(() => room.messages.length === 1, 30_000, 'the message')
      await until(() => session.response !== undefined, 30_000, 'the next request')
      session.cut(message('general', 'm2'))
      session.send(message('general', 'm3'))
      await pass(gateway, () => room.messages.length === 3, 'the messages')
      t.same(idsIn(events), ['m1', 'm2', 'm3'])
      t.same(states, [], 'it is the same session')
      t.equal(streams.sessions.length, 1)
      await room.send('still here')
    },
  )

  t.test(`${transport}: a session that is over is followed by another one, which resumes`, async (t) => {
    const { gateway, session, room, events, chat, streams } = await openChat(t, transport)
    session.send(message('general', 'm1'))
    await until(() => room.messages.length === 1, 30_000, 'the message')
    session.close()
    await pass(gateway, () => chat.status === 'waiting', 'the end')
    await until(() => streams.sessions[1]?.code === 1000, 30_000, 'a goodbye to the next one')
    await nextAttempt(gateway, chat)
    await until(() => room.status === 'joined' && chat.status === 'open', 30_000, 'the room')
    t.match(gateway.frames('join').at(-1), { room: 'general', after: 'm1' })
    t.same(idsIn(events), ['m1'])
    t.equal(streams.sessions.length, 3)
    t.same(
      streams.of('DELETE').map(({ last }) => last),
      ['key-1.1'],
      'nobody was in the second one',
    )
  })

  t.test(`${transport}: the gateway says why it ends a session`, async (t) => {
    const { gateway, session, chat, streams } = await openChat(t, transport)
    session.close(1012, 'restarting')
    await until(() => chat.status === 'waiting', 30_000, 'the end')
    t.match(chat.state, { reason: 'restarting' })
    await nextAttempt(gateway, chat)
    await until(() => chat.status === 'open', 30_000, 'another session')
    streams.sessions[1]?.close(1008, 'you are banned')
    await until(() => chat.status === 'closed', 30_000, 'the end')
    t.same(chat.state, { status: 'closed', code: 'policy', reason: 'you are banned' })
    await gateway.clock.advance(600_000)
    t.equal(gateway.clock.pending, 0)
    t.equal(streams.sessions.length, 2)
  })

  t.test(`${transport}: close says goodbye, and no request has the key in its URL`, async (t) => {
    const { gateway, session, chat, streams } = await openChat(t, transport)
    chat.close()
    await until(() => session.code === 1000, 30_000, 'the goodbye')
    await gateway.clock.advance(600_000)
    t.equal(gateway.clock.pending, 0)
    for (const { url } of streams.requests) t.equal(url, transport === 'sse' ? '/sse' : '/poll')
    for (const { last } of streams.requests.slice(1)) t.match(last, /^key-0\.\d+$/)
  })

  t.test(
    `${transport}: a session that went silent is left without a goodbye, so that the name stays held`,
    async (t) => {
      const { gateway, clock, chat, streams } = await openChat(
        t,
        transport,
        (frame) => (frame.type === 'ping' ? null : undefined),
        { heartbeat: 800 },
      )
      await clock.advance(900)
      await until(() => gateway.frames('ping').length === 1, 30_000, 'the question')
      await clock.advance(400)
      t.match(chat.state, { status: 'waiting', reason: 'the server does not answer' })
      await until(() => streams.sessions[0]?.response === undefined, 30_000, 'the end of the response')
      await nextAttempt(gateway, chat)
      await until(() => chat.status === 'open', 30_000, 'another session')
      t.same(streams.of('DELETE'), [])
    },
  )

  t.test(`${transport}: frames that are refused because others wait are sent again`, async (t) => {
    const { gateway, clock, room, chat, streams } = await openChat(t, transport)
    const states = statesOf(chat)
    const busy = { method: 'POST', status: 429, body: '{"code":"rate-limited","message":"others wait"}' }
    streams.refusals.push(busy, busy, busy, busy)
    const sent = room.send('hello')
    await pass(gateway, () => streams.refusals.length === 0, 'the refusals')
    await clock.advance(5_000)
    await sent
    t.same(states, [])
    t.equal(gateway.frames('send').length, 1)

    streams.refusals.push(busy, busy, busy, busy, busy)
    const late = room.send('hello again')
    await pass(gateway, () => chat.status === 'waiting', 'the end')
    t.match(chat.state, { reason: 'others wait' })
    await nextAttempt(gateway, chat)
    await late
    t.equal(streams.sessions.length, 2)
    t.match(gateway.frames('send').at(-1), { text: 'hello again' })
  })

  for (const [status, body, why] of [
    [404, '{"code":"not-found","message":"the session is over"}', 'the session is over'],
    [413, '{"code":"too-large","message":"too large"}', 'too large'],
    // It may have taken the frames: they are sent again as repeats.
    [503, '{"code":"unavailable","message":"no answer"}', 'no answer'],
    [502, '<html>Bad gateway</html>', 'the answer was HTTP status 502'],
  ] as const) {
    t.test(`${transport}: ${status} to a POST request ends the session`, async (t) => {
      const { gateway, room, chat, streams } = await openChat(t, transport)
      streams.refusals.push({ method: 'POST', status, body })
      const sent = room.send('hello')
      await until(() => chat.status === 'waiting', 30_000, 'the end')
      t.match(chat.state, { reason: why })
      await nextAttempt(gateway, chat)
      await sent
      t.equal(gateway.frames('send').length, 1)
      t.type(gateway.frames('send')[0]?.resent, 'number')
    })
  }

  t.test(`${transport}: frames that are too large together go up one at a time`, async (t) => {
    const { room, chat, streams } = await openChat(t, transport)
    const states = statesOf(chat)
    let open = (_?: unknown) => {}
    streams.gate = new Promise((resolve) => {
      open = resolve
    })
    const before = streams.of('POST').length
    const asked = [room.fetchMembers()]
    await until(() => streams.of('POST').length > before, 30_000, 'the first request')
    for (let count = 0; count < 2; count++) asked.push(room.fetchMembers())
    streams.refusals.push({ method: 'POST', status: 413, body: '{}' })
    open()
    await Promise.all(asked)
    t.same(
      streams
        .of('POST')
        .slice(before)
        .map(({ body }) => body.split('\n').length),
      [1, 2, 1, 1],
    )
    t.same(states, [])
  })

  t.test(`${transport}: an outage of ten seconds ends the session, a shorter one does not`, async (t) => {
    const { gateway, clock, session, room, chat, streams } = await openChat(t, transport)
    const states = statesOf(chat)
    const down = { method: 'GET', status: 502, body: 'down' }
    await until(() => session.response !== undefined, 30_000, 'a request')
    streams.refusals.push(down, down, down)
    session.cut()
    session.send(message('general', 'm1'))
    await pass(gateway, () => room.messages.length === 1, 'the message')
    t.same(states, [])

    // A poll that follows the message must be waiting by then: the clock stands still.
    await until(() => session.response !== undefined, 30_000, 'a request')
    streams.refusals.push(...Array(20).fill(down))
    session.cut()
    const lostAt = clock.now()
    await pass(gateway, () => chat.status !== 'open', 'the end')
    t.ok(clock.now() - lostAt > 10_000)
    t.match(states, ['waiting'])
    t.same(streams.of('DELETE'), [])
  })

  t.test(`${transport}: what is no event stream is no connection`, async (t) => {
    const gateway = await startFakeGateway(t)
    gateway.streams.refusals.push(
      { method: 'GET', status: 200, body: '<html>Please sign in</html>', type: 'text/html' },
      { method: 'GET', status: 503, body: '{"code":"unavailable","message":"the gateway is draining"}' },
    )
    const chat = gateway.connect({ transports: [transport] })
    for (const why of ['the answer was HTTP status 200', 'the gateway is draining']) {
      await until(() => chat.status === 'waiting', 30_000, 'the refusal')
      t.match(chat.state, { reason: why })
      await nextAttempt(gateway, chat)
    }
    await chat.ready
  })
}

t.test('sse: a response that ends with nothing new is followed by the next one after a second', async (t) => {
  const { clock, session, streams, room } = await openChat(t, 'sse')
  const gets = () => streams.of('GET').length
  session.response?.end()
  await until(() => gets() === 2, 30_000, 'the next request, at once after one with blocks')
  await until(() => session.response !== undefined, 30_000, 'it')
  session.response?.end()
  await until(() => clock.pending === 2, 30_000, 'the wait')
  await clock.advance(999)
  t.equal(gets(), 2)
  await clock.advance(1)
  await until(() => gets() === 3, 30_000, 'the next request')
  session.send(message('general', 'm1'))
  await until(() => room.messages.length === 1, 30_000, 'the message')
})

t.test('sse: pieces of a response may end within a character', async (t) => {
  const { session, room } = await openChat(t, 'sse', undefined, {
    fetch: async (url, init) => {
      const { ok, status, headers, body } = await fetch(url, init)
      const bytes = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, out) => chunk.forEach((byte) => void out.enqueue(Uint8Array.of(byte))),
      })
      return { ok, status, headers, json: async () => null, body: body?.pipeThrough(bytes) }
    },
  })
  session.send(message('general', 'm1', '€ 😀'))
  await until(() => room.messages.length === 1, 30_000, 'the message')
  t.equal(room.messages[0]?.text, '€ 😀')
})

import { createManualClock } from '@rabble/clock/manual'
import { type ChatClient, type ChatOptions, inForm, until } from '@rabble/harness'
import type { Test } from 'tap'
import { build, type TestGateway } from './build.ts'
import { createFakeHistory } from './fake-history.ts'
import { buildWithRooms } from './rooms-build.ts'
import { passing } from './time.ts'
import { waitingGets } from './transports/event-stream/streams.ts'
import { watchUnsent } from './unsent.ts'

/** One transport, as its clients see it. */
export interface TransportFixture {
  /** The name of the transport in metrics. */
  name: string
  /**
   * Connects a client and says hello, as `connectChat` does over the native protocol.
   * @throws Error that names the HTTP status if the gateway refuses it
   */
  connect(t: Test, gateway: TestGateway, options?: ChatOptions): Promise<ChatClient>
  /** Whether a client is out of reach between two requests. Default: false. */
  polls?: boolean
  /** Whether a client learns the code with which the gateway closes its connection. Default: true. */
  codes?: boolean
  /** Whether a client answers pings. Otherwise it sends frames of its own to stay. Default: true. */
  answersPings?: boolean
  /**
   * Whether it differs from a transport of the same protocol, which is tested with all cases, only in how bytes travel. The usual form
   * leaves out the cases in which that makes no difference. Default: false.
   */
  variant?: boolean
}

/** Texts in which each byte and each kind of character could be harmed on the way. */
const texts = [
  'plain',
  'é ü ñ 中文 العربية ไทย',
  '👨‍👩‍👧‍👦 👍🏽 🇩🇪 \u{10ffff}',
  '"quotes" \\ back\\slashes / and {"json":[1]}',
  'line\nfeed\ttab\r\u0001\u001e\u007f',
  `long ${'x'.repeat(3_900)}`,
]

/** Tests the behaviour that all transports share. The test of a transport calls this once. */
export function testTransport(t: Test, fixture: TransportFixture): void {
  const { name, connect, polls = false, codes = true, answersPings = true, variant = false } = fixture
  /** Adds a case that doesn't depend on how bytes travel. */
  function common(what: string, work: (t: Test) => Promise<void>): void {
    if (!variant || inForm(false, true)) t.test(what, work)
  }
  const closedWith = (code: number) => (codes ? { code } : {})

  t.test(
    'frames are carried out in the order in which they were sent, each answered under its ref',
    async (t) => {
      const client = await connect(t, await build(t), { name: 'Ada' })
      const before = client.frames.length
      const requests = Array.from({ length: 20 }, (_, n) => [
        client.join(`room ${n}`),
        client.request({ type: 'leave', room: `room ${n}` }),
        client.request({ type: 'ping' }),
      ])
      const replies = await Promise.all(requests.flat())
      const expected = Array.from({ length: 20 }, () => ['joined', 'left', 'pong']).flat()
      t.same(
        replies.map(({ type }) => type),
        expected,
      )
      const told = client.frames.slice(before).filter(({ type }) => type !== 'presence')
      t.same(
        told.map(({ type }) => type),
        expected,
        'and in this order',
      )
    },
  )

  common('a frame that is wrong gets an error under its ref, and the session goes on', async (t) => {
    const client = await connect(t, await build(t), { name: 'Ada' })
    await t.rejects(client.join('a\u0000b'), { code: 'bad-frame' })
    await t.rejects(client.send('never joined', 'x'), { code: 'not-joined' })
    t.match(await client.request({ type: 'ping' }), { type: 'pong' })
  })

  common('how far others have read is told when it is asked for, and from then on', async (t) => {
    const history = createFakeHistory()
    const gateway = await build(t, { history })
    const [ada, bob] = [
      await connect(t, gateway, { name: 'Ada' }),
      await connect(t, gateway, { name: 'Bob' }),
    ]
    for (const client of [ada, bob]) await client.join('general')
    t.match(await ada.request({ type: 'receipts', room: 'general' }), { shown: true, receipts: [] })
    const { id } = await bob.send('general', 'x')
    const receipt = { user: bob.user?.id ?? '', upTo: id }
    history.readers.set(receipt.user, id)
    await bob.request({ type: 'read', room: 'general', upTo: id })
    const isNews = ({ type }: { type: string }) => type === 'read'
    t.match(await ada.waitFor(isNews), { room: 'general', receipts: [receipt] })
  })

  t.test(
    'the owner of a room and moderators are told as such, when they come and when asked for',
    async (t) => {
      const { a, rooms } = await buildWithRooms(t)
      rooms.owners.set('general', 'owen')
      const bob = await connect(t, a, { name: 'Bob' })
      await bob.join('general')
      const members = [
        { id: 'mona', name: 'Mona', role: 'moderator' },
        { id: 'owen', name: 'Owen', role: 'owner' },
      ]
      for (const { id, name } of members) {
        const client = await connect(t, a, { token: await a.tokens.sign({ id, name }, 600, ['moderator']) })
        await client.join('general')
      }
      const hasRole = ({ role }: { role?: string }) => role !== undefined
      const joined = () =>
        bob.frames.flatMap((frame) => (frame.type === 'presence' ? frame.joined.filter(hasRole) : []))
      await until(() => joined().length === 2, 60_000, 'presence')
      t.same(joined(), members)
      const { users } = await bob.request({ type: 'members', room: 'general' })
      t.same(users.filter(hasRole), members)
      t.equal(users.length, 3)
    },
  )

  t.test('all members get each event once, as it was sent, and in one order', async (t) => {
    const gateway = await build(t)
    const names = ['Ada', 'Bob', 'Cleo']
    const clients = await Promise.all(names.map((name) => connect(t, gateway, { name })))
    await Promise.all(clients.map((client) => client.join('general')))
    const sent = await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: 60 }, (_, n) => client.send('general', texts[n % texts.length] ?? '')),
      ),
    )
    for (const client of clients) {
      for (const { id } of sent) await client.sees(id, 60_000)
    }
    const [first = [], ...others] = clients.map((client) => client.messages('general').map(({ id }) => id))
    t.equal(new Set(first).size, sent.length)
    t.equal(first.length, sent.length, 'none comes twice')
    t.same(others, [first, first])
    for (const client of clients) {
      t.same(new Set(client.messages('general').map(({ text }) => text)), new Set(texts))
    }
  })

  common('a client resumes over another connection, without a gap', async (t) => {
    const gateway = await build(t)
    const bob = await connect(t, gateway, { name: 'Bob' })
    await bob.join('general')
    const ada = await connect(t, gateway, { name: 'Ada' })
    await ada.join('general')
    const { id: last } = await bob.send('general', 'seen')
    await ada.sees(last)
    await ada.close()
    const missed: string[] = []
    for (let n = 0; n < 50; n++) missed.push((await bob.send('general', `${n}`)).id)
    const back = await connect(t, gateway, { name: 'Ada' })
    const { events, complete } = await back.join('general', { after: last })
    t.same(
      events.map(({ id }) => id),
      missed,
    )
    t.equal(complete, true)
    const { id: live } = await bob.send('general', 'live')
    await back.sees(live)
  })

  t.test(
    'a replay that is larger than what may be unread comes whole, and the next events behind it',
    async (t) => {
      const gateway = await build(t, { limits: { unsentBytes: 64 * 1024 } })
      const bob = await connect(t, gateway, { name: 'Bob' })
      await bob.join('general')
      const sent: string[] = []
      for (let n = 0; n < 100; n++) sent.push((await bob.send('general', 'x'.repeat(3_900))).id)
      const ada = await connect(t, gateway, { name: 'Ada' })
      const { events } = await ada.join('general', { recent: 100 })
      t.same(
        events.map(({ id }) => id),
        sent,
      )
      const { id } = await bob.send('general', 'live')
      await ada.sees(id)
    },
  )

  t.test(
    'a client that stops reading is closed, what waits for it is bounded, nobody else notices',
    async (t) => {
      const unsentBytes = 256 * 1024
      const gateway = await build(t, { clock: createManualClock(), limits: { unsentBytes } })
      const unsent = watchUnsent(gateway)
      const slow = await connect(t, gateway, { name: 'Slow' })
      const ada = await connect(t, gateway, { name: 'Ada' })
      const bob = await connect(t, gateway, { name: 'Bob' })
      await Promise.all([slow, ada, bob].map((client) => client.join('general')))
      slow.pause()
      // Compression does not make it much smaller.
      const text = Array.from({ length: 4000 }, () =>
        String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20_000)),
      ).join('')
      let sent = 0
      const say = async () => {
        const sending = await Promise.all(Array.from({ length: 20 }, () => ada.send('general', text)))
        sent += 20
        unsent.look()
        await bob.sees(sending.at(-1)?.id ?? '')
      }
      const closed = () => gateway.metric('rabble_gateway_disconnections_total', { reason: 'tooSlow' })
      let isClosed = false
      // A client that doesn't answer the close frame within 2 seconds of real time is dropped, and learns no code.
      const closing = until(async () => (await closed()) === 1, 60_000, 'the slow client to be closed').then(
        () => {
          isClosed = true
          slow.resume()
        },
      )
      // The system takes some for the slow one: not 24 MB.
      while (!isClosed && sent < 2000) await say()
      await closing
      for (let n = 0; n < 5; n++) await say()
      // The bytes of one turn of the event loop are written before they are counted.
      const turn = 20 * 13_000
      t.ok(unsent.most <= unsentBytes + turn, `${unsent.most} bytes at most`)
      t.equal(bob.messages('general').length, sent)
      t.equal(gateway.gateway.unready(), undefined)
      t.match(await slow.closed, closedWith(1013))
    },
  )

  common('a client that floods is cut off, and others notice nothing', async (t) => {
    const gateway = await build(t, { clock: createManualClock() })
    const flooder = await connect(t, gateway, { name: 'Eve' })
    const ada = await connect(t, gateway, { name: 'Ada' })
    await ada.join('general')
    for (let i = 0; i < 1001; i++) flooder.raw('x')
    t.match(await flooder.closed, { ...closedWith(1008), reason: 'too many refused frames' })
    await ada.send('general', 'still here')
    t.equal(await gateway.metric('rabble_gateway_disconnections_total', { reason: 'policy' }), 1)
  })

  t.test('a silent connection is dropped after two heartbeats, one that answers pings stays', async (t) => {
    const clock = createManualClock()
    const gateway = await build(t, { clock, heartbeat: 4_000 })
    const ada = await connect(t, gateway, { name: 'Ada' })
    const bob = await connect(t, gateway, { name: 'Bob' })
    const ghost = await connect(t, gateway, { name: 'Ghost' })
    ghost.pause()
    for (let seconds = 0; seconds < 20; seconds++) {
      await clock.advance(1_000)
      if (!answersPings) await ada.request({ type: 'ping' })
      // Meanwhile a ping of the gateway goes to Ada and back, too.
      for (let times = 0; times < 3; times++) await bob.request({ type: 'ping' })
    }
    t.equal(await gateway.metric('rabble_gateway_connections', { transport: name }), 2)
    t.equal(await gateway.metric('rabble_gateway_disconnections_total', { reason: 'silent' }), 1)
    t.match(await ada.request({ type: 'ping' }), { type: 'pong' })
  })

  t.test('a full gateway refuses clients, until one has left', async (t) => {
    const gateway = await build(t, { connections: 2 })
    await connect(t, gateway, { name: 'Ada' })
    const bob = await connect(t, gateway, { name: 'Bob' })
    await t.rejects(
      connect(t, gateway, { name: 'Cleo' }),
      { message: /503/ },
      'before anything is accepted, so that a proxy can ask another one',
    )
    t.equal(await gateway.metric('rabble_gateway_connections_refused_total', { reason: 'full' }), 1)
    await bob.close()
    const isFree = async () => (await gateway.metric('rabble_gateway_connections', { transport: name })) === 1
    await until(isFree, 60_000, 'the place to be free')
    await connect(t, gateway, { name: 'Cleo' })
  })

  common('clients of a gateway that drains are asked to go; one that stays is closed', async (t) => {
    const clock = createManualClock()
    const drainTimes = { reconnectGrace: 2_000, confirmTimeout: 5_000 }
    const gateway = await build(t, { clock, drainTimes })
    const ada = await connect(t, gateway, { name: 'Ada' })
    const bob = await connect(t, gateway, { name: 'Bob' })
    const goes = ada.waitFor(({ type }) => type === 'reconnect', 60_000).then(() => ada.close())
    await passing(clock, 50, gateway.gateway.drain(1_000))
    await goes
    t.match(await bob.closed, closedWith(1012))
    t.equal(await gateway.metric('rabble_gateway_connections', { transport: name }), 0)
  })

  t.test('clients of a gateway that stops are told so', async (t) => {
    // By a real clock, an answer to a poll with the presence of the lobby could come just before the end, which then has no poll.
    const gateway = await build(t, { clock: createManualClock() })
    const requests = waitingGets(gateway.server)
    const ada = await connect(t, gateway, { name: 'Ada' })
    if (polls) await until(() => requests() > 0, 60_000, 'the next poll')
    await gateway.close()
    t.match(await ada.closed, closedWith(1001))
  })
}

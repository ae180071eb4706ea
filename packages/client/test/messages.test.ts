import { until } from '@rabble/harness'
import t from 'tap'
import { idsIn } from './build.ts'
import { joined, message, startFakeGateway } from './fake-gateway.ts'
import { openRoom } from './fake-history.ts'

t.test('an event that comes twice is told once', async (t) => {
  const { room, events, gateway } = await openRoom(t)
  await room.join()
  for (const id of ['m1', 'm2', 'm1', 'm2', 'm3']) gateway.connections[0]?.send(message('general', id))
  await until(() => idsIn(events).includes('m3'), 30_000, 'the last one')
  t.same(idsIn(events), ['m1', 'm2', 'm3'])
})

t.test('edits and deletions are told, and make the messages what they are by now', async (t) => {
  const { room, events, gateway } = await openRoom(t)
  await room.join()
  const { from, at, via } = message('general', '')
  const change = { room: 'general', from, at, via }
  const [connection] = gateway.connections
  for (const id of ['m1', 'm2']) connection?.send(message('general', id))
  connection?.send({ type: 'edit', id: 'e1', message: 'm1', text: 'better', ...change })
  connection?.send({ type: 'delete', id: 'd1', message: 'm2', ...change })
  connection?.send({ type: 'edit', id: 'e2', message: 'm2', text: 'alive?', ...change })
  await until(() => idsIn(events).includes('e2'), 30_000, 'the last one')
  t.match(events.slice(3), [
    { type: 'edit', change: { id: 'e1' }, message: { id: 'm1', text: 'better' }, replayed: false },
    { type: 'delete', change: { id: 'd1' }, message: { id: 'm2', text: '', deleted: { by: from } } },
    { type: 'edit', change: { id: 'e2' }, message: { text: '' } },
  ])
  t.match(room.messages, [
    { text: 'better', edited: { by: from } },
    { text: '', deleted: Object },
  ])
})

t.test('older messages are loaded from history, and let go of again', async (t) => {
  const { room, events, gateway, asked } = await openRoom(
    t,
    () => undefined,
    (query) => (query.get('before') === 'm9' ? { messages: ['m7', 'm8'] } : 400),
  )
  await room.join()
  gateway.connections[0]?.send(message('general', 'm9'))
  await until(() => room.messages.length === 1, 30_000, 'the message')
  const { room: name, from, at, via } = message('general', '')
  gateway.connections[0]?.send({
    type: 'edit',
    room: name,
    id: 'e1',
    message: 'm8',
    text: 'new',
    from,
    at,
    via,
  })
  await until(() => idsIn(events).includes('e1'), 30_000, 'an edit of what is not there yet')
  const [one, other] = await Promise.all([room.loadOlder(20), room.loadOlder(20)])
  t.same([one, other, asked.length], [2, 2, 1], 'asked for twice at once, it is one page')
  t.match(room.messages, [{ id: 'm7' }, { id: 'm8', text: 'new' }, { id: 'm9' }])
  t.notOk(room.hasOlder)
  room.trim(1)
  t.match(room.messages, [{ id: 'm9' }])
  t.ok(room.hasOlder)
})

t.test(
  'what is loaded before the room is entered is there once, and so is what history knew first',
  async (t) => {
    let live: string[] = []
    const { room, events, gateway } = await openRoom(
      t,
      (frame) => {
        if (frame.type !== 'join') return undefined
        return joined(frame, { complete: false, events: ['m2', 'm3'].map((id) => message('general', id)) })
      },
      (query) => (query.has('before') ? { messages: ['m1'] } : { messages: ['m2', 'm3', ...live] }),
    )
    t.equal(await room.loadOlder(), 1)
    const ids = () => room.messages.map(({ id }) => id)
    t.same(ids(), ['m1', 'm2', 'm3'])
    room.trim(0)
    live = ['m4']
    t.equal(await room.loadOlder(), 3)
    for (const id of ['m4', 'm5']) gateway.connections[0]?.send(message('general', id))
    await until(() => idsIn(events).includes('m5'), 30_000, 'the last one')
    t.same(ids(), ['m2', 'm3', 'm4', 'm5'])
    t.same(idsIn(events), ['m2', 'm3', 'm4', 'm5'], 'each is told all the same')
  },
)

t.test('a page that history can’t give yet is asked for five times', async (t) => {
  let down = 4
  const { room, clock, asked } = await openRoom(
    t,
    () => undefined,
    () => (down-- > 0 ? 400 : { messages: ['m1'] }),
  )
  await room.join()
  // Each wait is 200 ms plus less than 4 s.
  const waits = 4 * 4_200
  const loaded = room.loadOlder()
  await until(() => asked.length === 1, 30_000, 'the question')
  await clock.advance(199)
  t.equal(asked.length, 1, 'not at once')
  await clock.advance(waits)
  t.equal(await loaded, 1)
  down = 5
  room.trim(0)
  const failed = room.loadOlder().catch((error: unknown) => error)
  await until(() => asked.length === 6, 30_000, 'the question')
  await clock.advance(waits)
  t.match(await failed, { code: 'bad-frame' })
  t.equal(asked.length, 10)
})

t.test('a history that does not answer in ten seconds is as good as none', async (t) => {
  const gateway = await startFakeGateway(t)
  const signals: AbortSignal[] = []
  const chat = gateway.connect({
    fetch: (_, { signal }) => {
      signals.push(signal)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  })
  const failed = chat
    .room('general')
    .history()
    .catch((error: unknown) => error)
  await gateway.clock.advance(9_999)
  t.match(signals, [{ aborted: false }])
  await gateway.clock.advance(1)
  t.match(await failed, { code: 'disconnected', message: 'no answer in time', retry: true })
})

t.test('a room whose name leads elsewhere in a path is not asked for', async (t) => {
  const { chat, asked } = await openRoom(t)
  for (const name of ['.', '..', '\ud800']) {
    await t.rejects(chat.room(name).history(), { code: 'bad-frame' })
  }
  t.same(asked, [])
})

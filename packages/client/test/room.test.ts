import { until } from '@rabble/harness'
import t from 'tap'
import { idsIn, watch } from './build.ts'
import { joined, lose, message, refusal, startFakeGateway } from './fake-gateway.ts'
import { openRoom } from './fake-history.ts'

t.test('a handle does nothing until it is joined, and can be joined again after it was left', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'join' ? joined(frame, { events: [message('general', 'm1')] }) : undefined,
  )
  const chat = gateway.connect()
  await chat.ready
  const room = chat.room('general')
  const events = watch(room)
  t.equal(chat.room('general'), room, 'the same one for the same name')
  t.same(room.state, { status: 'idle' })
  await t.rejects(room.loadOlder(), { code: 'not-joined' })
  await room.fetchMembers()
  t.same(gateway.frames('join'), [])
  t.same(chat.rooms, [])
  await room.join()
  t.same(room.state, { status: 'joined' })
  t.same(chat.rooms, [room])
  const reader = room[Symbol.asyncIterator]()
  await room.leave()
  t.match(room.state, { status: 'left', code: 'left' })
  t.same((await reader.next()).value, { type: 'state', state: room.state })
  t.ok((await reader.next()).done)
  t.same(chat.rooms, [])
  t.equal(chat.room('general'), room)
  await room.join()
  t.same(idsIn(events), ['m1', 'm1'], 'as if it were the first time')
  t.match(room.messages, [{ id: 'm1' }])
  t.match(gateway.frames('join'), [{ after: undefined }, { after: undefined }])
})

t.test(
  'a room that is left and joined again while it tells its messages tells no old one afterwards',
  async (t) => {
    let joins = 0
    const { room, events, gateway } = await openRoom(t, (frame) => {
      if (frame.type !== 'join') return undefined
      const ids = joins++ === 0 ? ['m1', 'm2', 'm3'] : ['m8', 'm9']
      return joined(frame, { events: ids.map((id) => message('general', id)) })
    })
    room.once('message', () => {
      void room.leave()
      void room.join()
    })
    await until(() => idsIn(events).includes('m9'), 30_000, 'the second time')
    t.same(idsIn(events), ['m1', 'm8', 'm9'])
    t.match(room.messages, [{ id: 'm8' }, { id: 'm9' }])
    t.equal(gateway.frames('join').length, 2)
  },
)

t.test('a room that is not joined is entered to send, and left afterwards', async (t) => {
  const gateway = await startFakeGateway(t)
  await gateway.connect().room('general').send('hello')
  await until(() => gateway.frames('leave').length === 1, 30_000, 'the end')
  t.match(gateway.connections[0]?.frames, [
    { type: 'hello' },
    { type: 'join', room: 'general' },
    { type: 'send', room: 'general' },
    { type: 'leave', room: 'general' },
  ])
})

t.test('a room that can’t be entered now is tried again, and says why meanwhile', async (t) => {
  let full = true
  const { room, events, gateway, clock } = await openRoom(t, (frame) =>
    frame.type === 'join' && full ? refusal(frame, 'room-full', { retryAfter: 5_000 }) : undefined,
  )
  await until(() => room.state.status === 'joining' && room.state.code === 'room-full', 30_000, 'the refusal')
  full = false
  await clock.advance(4_999)
  await room.fetchMembers()
  t.equal(gateway.frames('join').length, 1, 'not earlier than it was told to')
  await clock.advance(501)
  await room.join()
  t.match(events, [{ type: 'left', code: 'room-full', retry: true }, { type: 'joined' }])
})

t.test('a room that may not be entered is left alone until somebody asks', async (t) => {
  let banned = true
  const { room, events, gateway, clock } = await openRoom(t, (frame) =>
    frame.type === 'join' && banned ? refusal(frame, 'forbidden') : undefined,
  )
  await t.rejects(room.join(), { code: 'forbidden' })
  t.match(room.state, { status: 'left', code: 'forbidden', reason: 'this is forbidden' })
  await t.rejects(room.send('hello'), { code: 'forbidden' })
  await clock.advance(600_000)
  await room.fetchMembers()
  t.equal(gateway.frames('join').length, 1)
  banned = false
  await room.join()
  t.match(events, [{ type: 'left', code: 'forbidden', retry: false }, { type: 'joined' }])
  gateway.connections[0]?.send({
    type: 'left',
    room: 'general',
    code: 'forbidden',
    message: 'you are banned',
  })
  await until(() => room.status === 'left', 30_000, 'the kick')
  t.match(events[2], { type: 'left', code: 'forbidden', reason: 'you are banned', retry: false })
})

t.test('a session that has lost its seat gets it back by itself', async (t) => {
  const { room, gateway } = await openRoom(t)
  await room.join()
  gateway.connections[0]?.send({ type: 'left', room: 'general', code: 'room-full', message: 'no seat' })
  await until(() => gateway.frames('join').length === 2 && room.status === 'joined', 30_000, 'the seat')
})

t.test('a session that was just lost and holds the only seat is waited for', async (t) => {
  t.intercept(Math, 'random', { value: () => 0 })
  let held = 2
  const { chat, room, gateway, clock } = await openRoom(t, (frame) =>
    frame.type === 'join' && gateway?.connections.length === 2 && held-- > 0
      ? refusal(frame, 'already-joined', { retryAfter: 10 })
      : undefined,
  )
  await room.join()
  await lose(gateway, chat)
  for (const joins of [2, 3]) {
    await until(() => gateway.frames('join').length === joins, 30_000, 'the refusal')
    // The answer comes after it.
    await room.fetchMembers()
    t.match(room.state, { status: 'joining', code: 'already-joined' })
    await clock.advance(9)
    t.equal(gateway.frames('join').length, joins)
    await clock.advance(1)
  }
  await until(() => room.status === 'joined', 30_000, 'the seat')
})

t.test('events can be read one by one', async (t) => {
  const { room, gateway } = await openRoom(t)
  const reader = room[Symbol.asyncIterator]()
  t.match((await reader.next()).value, { type: 'joined', complete: true, count: 1 })
  t.same((await reader.next()).value, { type: 'state', state: { status: 'joined' } })
  for (const id of ['m1', 'm2', 'm3']) gateway.connections[0]?.send(message('general', id))
  t.match((await reader.next()).value, { type: 'message', message: { id: 'm1' } })
  t.match((await reader.next()).value, { type: 'message', message: { id: 'm2' } })
  await reader.return?.()
  t.ok((await reader.next()).done)
})

t.test('a key press is told every few seconds, however often there is one', async (t) => {
  const { room, gateway, clock } = await openRoom(t)
  room.keystroke()
  await room.join()
  for (let index = 0; index < 10; index++) room.keystroke()
  await clock.advance(2_999)
  room.keystroke()
  t.same(await room.fetchMembers(), { users: [], count: 0, complete: true })
  t.same(gateway.frames('typing'), [{ type: 'typing', room: 'general' }])
  await clock.advance(1)
  room.keystroke()
  await room.fetchMembers()
  t.equal(gateway.frames('typing').length, 2)
})

t.test('direct messages and what the system tells are told wherever they come from', async (t) => {
  const { chat, gateway } = await openRoom(t, (frame) =>
    frame.type === 'join' && frame.after === 'd1'
      ? joined(frame, { events: [message(frame.room, 'd2')] })
      : undefined,
  )
  const told: string[] = []
  chat.on('direct', ({ event, peer, replayed }) => told.push(`${event.id} ${peer} ${replayed}`))
  chat.on('notice', ({ message, replayed }) => told.push(`${message.id} ${replayed}`))
  chat.on('announcement', ({ message }) => told.push(message.id))
  await chat.ready
  await until(() => gateway.frames('join').length === 3, 30_000, 'the user’s own rooms')
  const [connection] = gateway.connections
  connection?.send(message('dm:guest-ada:guest-bob', 'd1'))
  connection?.send(message('user:guest-ada', 'n1'))
  connection?.send(message('*', 'a1'))
  await until(() => told.length === 3, 30_000, 'the three')
  await lose(gateway, chat)
  await until(() => told.length === 4, 30_000, 'what was missed')
  t.same(told, ['d1 guest-bob false', 'n1 false', 'a1', 'd2 guest-bob true'])
  t.same(
    chat.rooms.map(({ name }) => name),
    ['general'],
  )
})

t.test('a listener that throws stops nothing', async (t) => {
  const { room, events, gateway } = await openRoom(t)
  const thrown: unknown[] = []
  const handler = (error: unknown) => thrown.push(error)
  const before = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', handler)
  t.teardown(() => {
    process.removeListener('uncaughtException', handler)
    for (const listener of before) process.on('uncaughtException', listener)
  })
  const off = room.on('message', () => {
    throw new Error('a mistake of the page')
  })
  await room.join()
  gateway.connections[0]?.send(message('general', 'm1'))
  await until(() => thrown.length === 1, 30_000, 'the error')
  off()
  gateway.connections[0]?.send(message('general', 'm2'))
  await until(() => idsIn(events).length === 2, 30_000, 'the next message')
  t.match(thrown, [{ message: 'a mistake of the page' }])
})

import { until } from '@rabble/harness'
import t from 'tap'
import { idsIn } from './build.ts'
import { joined, lose, message, refusal } from './fake-gateway.ts'
import { openRoom } from './fake-history.ts'

t.test('the room is the same object for the same name, until it is left', async (t) => {
  const { chat, room, gateway } = await openRoom(t)
  t.equal(chat.room('general'), room)
  t.same(room.state, { is: 'joining' })
  await room.join()
  t.same(room.state, { is: 'in' })
  const reader = room[Symbol.asyncIterator]()
  await room.leave()
  t.match(room.state, { is: 'out', code: 'left' })
  t.ok((await reader.next()).done)
  await t.rejects(room.join(), { code: 'left' })
  t.not(chat.room('general'), room)
  await until(() => gateway.frames('join').length === 2, 30_000, 'the other one')
})

t.test('a room that can’t be entered now is tried again, and says why meanwhile', async (t) => {
  let full = true
  const { room, events, gateway, clock } = await openRoom(t, (frame) =>
    frame.type === 'join' && full ? refusal(frame, 'room-full', { retryAfter: 5_000 }) : undefined,
  )
  await until(() => room.state.is === 'joining' && room.state.code === 'room-full', 30_000, 'the refusal')
  full = false
  await clock.advance(4_999)
  await room.members()
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
  t.match(room.state, { is: 'out', code: 'forbidden', why: 'this is forbidden' })
  await t.rejects(room.send('hello'), { code: 'forbidden' })
  await clock.advance(600_000)
  await room.members()
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
  await until(() => room.state.is === 'out', 30_000, 'the kick')
  t.match(events[2], { type: 'left', code: 'forbidden', message: 'you are banned', retry: false })
})

t.test('a session that has lost its seat gets it back by itself', async (t) => {
  const { room, gateway } = await openRoom(t)
  await room.join()
  gateway.connections[0]?.send({ type: 'left', room: 'general', code: 'room-full', message: 'no seat' })
  await until(() => gateway.frames('join').length === 2 && room.state.is === 'in', 30_000, 'the seat')
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
    await room.members()
    t.match(room.state, { is: 'joining', code: 'already-joined' })
    await clock.advance(9)
    t.equal(gateway.frames('join').length, joins)
    await clock.advance(1)
  }
  await until(() => room.state.is === 'in', 30_000, 'the seat')
})

t.test('events can be read one by one', async (t) => {
  const { room, gateway } = await openRoom(t)
  const reader = room[Symbol.asyncIterator]()
  t.match((await reader.next()).value, { type: 'joined', complete: true, count: 1 })
  for (const id of ['m1', 'm2', 'm3']) gateway.connections[0]?.send(message('general', id))
  t.match((await reader.next()).value, { type: 'message', message: { id: 'm1' } })
  t.match((await reader.next()).value, { type: 'message', message: { id: 'm2' } })
  await reader.return?.()
  t.ok((await reader.next()).done)
})

t.test('typing is told every few seconds, however often it is called', async (t) => {
  const { room, events, gateway, clock } = await openRoom(t)
  room.typing()
  await room.join()
  for (let index = 0; index < 10; index++) room.typing()
  await clock.advance(2_999)
  room.typing()
  t.same(await room.members(), { users: [], count: 0 })
  t.same(gateway.frames('typing'), [{ type: 'typing', room: 'general' }])
  await clock.advance(1)
  room.typing()
  await room.members()
  t.equal(gateway.frames('typing').length, 2)
  const user = { id: 'guest-bob', name: 'Bob' }
  gateway.connections[0]?.send({ type: 'typing', room: 'general', user })
  gateway.connections[0]?.send({ type: 'presence', room: 'general', joined: [user], left: [], count: 2 })
  await until(() => room.count === 2, 30_000, 'Bob')
  t.match(events.slice(1), [
    { type: 'typing', user },
    { type: 'presence', joined: [user], left: [], count: 2 },
  ])
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

import { createManualClock, type ManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build, type TestGateway } from './build.ts'
import { createFakeRooms } from './fake-rooms.ts'
import { createMemoryLog } from './memory-log.ts'
import { buildWithRooms } from './rooms-build.ts'
import { pass, passing } from './time.ts'

/** Waits until a gateway has noticed that the service is down. */
async function goesDown(clock: ManualClock, { metric }: TestGateway): Promise<void> {
  await pass(clock, 500, async () => (await metric('rabble_gateway_rooms_up')) === 0, 'a gateway to notice')
}

t.test(
  'while the service is down those who sit chat on, and rooms for everybody can be joined',
  async (t) => {
    const clock = createManualClock()
    const { a, b, rooms } = await buildWithRooms(t, 2, { clock })
    rooms.put('room:small', { kind: 'room', room: 'small', capacity: 2 })
    rooms.put('ban', { kind: 'ban', user: 'eve', room: 'general' })
    const user = async (id: string, { ws, tokens } = a) =>
      connectChat(t, ws, { token: await tokens.sign({ id, name: id }, 600) })
    const [ada, bob, eve] = [await user('ada'), await user('bob', b), await user('eve')]
    await ada.join('general')
    await ada.join('small')
    rooms.down = true
    await goesDown(clock, a)
    await goesDown(clock, b)
    t.match(await bob.join('general'), { count: 1 }, 'it counts whom it knows')
    await bob.send('general', 'can you hear me?')
    await ada.waitFor((frame) => frame.type === 'message')
    await ada.send('small', 'I am still here')
    await t.rejects(bob.join('small'), { code: 'unavailable' })
    await t.rejects(eve.join('general'), { code: 'forbidden' })
    await t.rejects(bob.request({ type: 'members', room: 'general' }), { code: 'unavailable' })
    await eve.join('elsewhere')
    await ada.request({ type: 'leave', room: 'small' })
    t.equal(a.gateway.unready(), undefined, 'and it is ready all the while')

    rooms.down = false
    const owed = async (gateway: TestGateway) =>
      (await gateway.metric('rabble_gateway_rooms_up')) === 0 ||
      (await gateway.metric('rabble_gateway_seats', { state: 'owed' })) > 0
    await pass(clock, 100, async () => !(await owed(a)) && !(await owed(b)), 'nothing to be owed any more')
    t.equal(rooms.seated('general').length, 2, 'seats were taken')
    t.same(rooms.seated('small'), [], 'and others given back')
    t.same(rooms.seated('elsewhere'), ['eve'])
    await passing(
      clock,
      100,
      ada.waitFor((frame) => frame.type === 'presence' && frame.count === 2),
    )
    t.match(await bob.join('small'), { count: 1, capacity: 2 })
    t.match(await bob.request({ type: 'members', room: 'general' }), { count: 2 })
  },
)

t.test('who got in meanwhile and may not stay is put out when the service is back', async (t) => {
  const clock = createManualClock()
  const { a, rooms } = await buildWithRooms(t, 1, { clock })
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  rooms.down = true
  await goesDown(clock, a)
  await ada.join('secret')
  rooms.put('room:secret', { kind: 'room', room: 'secret', inviteOnly: true })
  rooms.down = false
  const left = await passing(
    clock,
    100,
    ada.waitFor((frame) => frame.type === 'left', 60_000),
  )
  t.match(left, { room: 'secret', code: 'forbidden' })
  t.equal(await a.metric('rabble_gateway_seats', { state: 'owed' }), 0)
})

t.test('who is put out by a ban that can not be fetched does not come back, and others wait', async (t) => {
  const clock = createManualClock()
  const { a, rooms } = await buildWithRooms(t, 1, { clock })
  const tokenOf = (id: string) => a.tokens.sign({ id, name: id }, 600)
  const [ada, eve] = [
    await connectChat(t, a.ws, { token: await tokenOf('ada') }),
    await connectChat(t, a.ws, { token: await tokenOf('eve') }),
  ]
  for (const client of [ada, eve]) await client.join('general')
  rooms.down = true
  await goesDown(clock, a)
  await eve.join('elsewhere')

  rooms.put('ban', { kind: 'ban', user: 'eve' })
  a.log.signal({ type: 'kick', user: 'eve', message: 'this user was banned' })
  t.match(await eve.closed, { code: 1008 })
  const again = await connectChat(t, a.ws, { hello: false })
  const hello = async () => again.request({ type: 'hello', token: await tokenOf('eve') })
  await t.rejects(hello(), { code: 'unavailable' })
  await t.rejects(ada.join('elsewhere'), { code: 'unavailable' })
  await ada.join('general')
  await ada.send('general', 'I am still here')

  rooms.down = false
  await pass(clock, 100, async () => (await a.metric('rabble_gateway_policies_version')) === 1, 'the ban')
  await t.rejects(hello(), { code: 'forbidden' })
  t.match(await ada.join('elsewhere'), { count: 1 })
})

t.test('where only created rooms can be joined, none can be while the service is down', async (t) => {
  const clock = createManualClock()
  const { a, rooms } = await buildWithRooms(t, 1, { clock, createdRoomsOnly: true })
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  rooms.down = true
  await goesDown(clock, a)
  await t.rejects(ada.join('general'), { code: 'unavailable' })
})

t.test('a service that hangs lets nobody in unseen, and holds nobody up for long', async (t) => {
  const clock = createManualClock()
  const { a, rooms } = await buildWithRooms(t, 1, { clock })
  rooms.put('room:small', { kind: 'room', room: 'small', capacity: 2 })
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  const bob = await connectChat(t, a.ws, { name: 'Bob' })
  await until(async () => (await a.metric('rabble_gateway_policies_version')) === 1, 60_000, 'the policy')
  const answer = rooms.hold('seats')
  // A room may have got a rule that this gateway hasn't heard of yet.
  const waits = async () => (await a.metric('rabble_gateway_seats', { state: 'owed' })) === 2
  await Promise.all([
    until(waits, 60_000, 'both to wait').then(() => clock.advance(5_000)),
    t.rejects(bob.join('small'), { code: 'unavailable' }),
    t.rejects(ada.join('general'), { code: 'unavailable' }),
  ])
  answer()
  const settled = async () => (await a.metric('rabble_gateway_seats', { state: 'owed' })) === 0
  await until(settled, 60_000, 'the call to end, and what follows from it')
  t.same(rooms.seated('small'), [], 'no seat for him')
  t.same(rooms.seated('general'), [], 'and none for her')
  t.match(await bob.join('small'), { count: 1 })
  t.match(await ada.join('general'), { count: 1 })
})

t.test('one call that fails is done again, and nobody notices', async (t) => {
  const clock = createManualClock()
  const { a, rooms } = await buildWithRooms(t, 1, { clock })
  rooms.put('room:small', { kind: 'room', room: 'small', capacity: 2 })
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  const answer = rooms.hold('seats')
  const joined = ada.join('small')
  await until(
    async () => (await a.metric('rabble_gateway_seats', { state: 'owed' })) === 1,
    60_000,
    'the call',
  )
  answer(new Error('the connection broke'))
  t.match(await passing(clock, 50, joined), { count: 1, capacity: 2 })
  t.equal(await a.metric('rabble_gateway_rooms_requests_total', { result: 'failed' }), 1)
})

t.test('before it knows who is banned a gateway lets nobody in, and says that it is not ready', async (t) => {
  const clock = createManualClock()
  const log = createMemoryLog()
  const tokens = (await build(t)).tokens
  const rooms = createFakeRooms(log, tokens)
  rooms.down = true
  const { ws, gateway } = await build(t, { log, rooms, clock, ready: false })
  await t.rejects(connectChat(t, ws), { message: /503/ })
  t.match(gateway.unready(), /./)
  rooms.put('ban', { kind: 'ban', user: 'eve' })
  rooms.down = false
  await pass(clock, 100, () => gateway.unready() === undefined, 'it to be ready')
  const ada = await connectChat(t, ws, { token: await tokens.sign({ id: 'ada', name: 'Ada' }, 600) })
  t.match(await ada.join('general'), { count: 1 })
})

t.test('what signals did not tell, the next renewal does', async (t) => {
  const clock = createManualClock()
  const { a, b, rooms } = await buildWithRooms(t, 2, { clock })
  const eve = await connectChat(t, a.ws, { token: await a.tokens.sign({ id: 'eve', name: 'Eve' }, 600) })
  await eve.join('general')
  rooms.silent = true
  const bob = await connectChat(t, b.ws, { name: 'Bob' })
  await bob.join('general')
  await passing(
    clock,
    500,
    eve.waitFor((frame) => frame.type === 'presence' && frame.count === 2, 60_000),
  )
  rooms.put('ban', { kind: 'ban', user: 'eve', room: 'general', reason: 'spam' })
  const left = await passing(
    clock,
    500,
    eve.waitFor((frame) => frame.type === 'left', 60_000),
  )
  t.match(left, { room: 'general', code: 'forbidden', message: /spam/ })
  await passing(
    clock,
    500,
    bob.waitFor((frame) => frame.type === 'presence' && frame.count === 1, 60_000),
  )
  rooms.put('kick:1', { kind: 'kick', id: '1', user: 'eve', message: 'calm down' })
  t.match(await passing(clock, 500, eve.closed), { code: 1008, reason: 'calm down' })
})

import { createManualClock } from '@rabble/clock/manual'
import type { KickSignal } from '@rabble/contract'
import { type ChatClient, connectChat, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import type { TestGateway } from '../build.ts'
import { buildWithRooms } from '../rooms-build.ts'
import { pass } from '../time.ts'

async function enter(t: Test, { ws, tokens }: TestGateway, id: string): Promise<ChatClient> {
  const client = await connectChat(t, ws, { token: await tokens.sign({ id, name: id }, 600) })
  await client.join('general')
  return client
}

t.test('a ban in a room puts all sessions of the user out of it, and keeps them out', async (t) => {
  const { a, b, rooms } = await buildWithRooms(t, 2)
  const eves = [await enter(t, a, 'eve'), await enter(t, a, 'eve'), await enter(t, b, 'eve')]
  const ada = await enter(t, b, 'ada')
  rooms.put('ban', { kind: 'ban', user: 'eve', room: 'general', reason: 'spam' })
  for (const eve of eves) {
    const left = await eve.waitFor((frame) => frame.type === 'left')
    t.match(left, { room: 'general', code: 'forbidden', message: 'this user is banned in this room: spam' })
    await t.rejects(eve.send('general', 'hi'), { code: 'not-joined' })
    await t.rejects(eve.join('general'), { code: 'forbidden' })
    await eve.join('elsewhere')
  }
  await ada.waitFor((frame) => frame.type === 'presence' && frame.left.some(({ id }) => id === 'eve'))
  t.same(rooms.seated('general'), ['ada'])
  rooms.put('ban', null)
  await until(
    async () => (await a.metric('rabble_gateway_policies_version')) === 2,
    60_000,
    'it to be lifted',
  )
  t.match(await eves[0]?.join('general'), { count: 2 })
})

t.test('a ban everywhere disconnects, and refuses those who come back, until it ends', async (t) => {
  const clock = createManualClock()
  const { a, b, rooms } = await buildWithRooms(t, 2, { clock })
  const eve = await enter(t, a, 'eve')
  const reason = '👨‍👩‍👧‍👦'.repeat(30)
  rooms.put('ban', { kind: 'ban', user: 'eve', expiresAt: clock.now() + 3_600_000, reason })
  t.match(await eve.closed, { code: 1008, reason: /^this user is banned until 20[^👨]*(👨‍👩‍👧‍👦)+$/u })
  const again = await connectChat(t, b.ws, { hello: false })
  const token = await b.tokens.sign({ id: 'eve', name: 'Eve' }, 600)
  await t.rejects(again.request({ type: 'hello', token }), { code: 'forbidden' })
  const ends = clock.now() + 60_000
  rooms.put('ban', { kind: 'ban', user: 'eve', expiresAt: ends, reason })
  await until(async () => (await b.metric('rabble_gateway_policies_version')) === 2, 60_000, 'the new end')
  clock.jump(ends - 1 - clock.now())
  await t.rejects(again.request({ type: 'hello', token }), { code: 'forbidden' }, 'the ban has not ended')
  clock.jump(1)
  await again.request({ type: 'hello', token })
  t.match(await again.join('general'), { count: 1 })
  await pass(clock, 1_000, () => rooms.audited.length > 0, 'the audit')
  t.match(rooms.audited[0], { action: 'login.refused', detail: { code: 'forbidden' } })
  t.notMatch(JSON.stringify(rooms.audited), token)
})

t.test('a ban that comes while a join waits for its seat counts', async (t) => {
  const { a, rooms } = await buildWithRooms(t)
  const eve = await connectChat(t, a.ws, { token: await a.tokens.sign({ id: 'eve', name: 'Eve' }, 600) })
  const answer = rooms.hold('seats')
  const refused = t.rejects(eve.join('general'), { code: 'forbidden' })
  const asked = async () => (await a.metric('rabble_gateway_seats', { state: 'owed' })) === 1
  await until(asked, 60_000, 'the join to wait for its seat')
  rooms.put('ban', { kind: 'ban', user: 'eve', room: 'general' })
  await until(async () => (await a.metric('rabble_gateway_policies_version')) === 1, 60_000, 'the ban')
  answer()
  await refused
  await until(() => rooms.seated('general').length === 0, 60_000, 'the seat to be given back')
})

t.test('who is muted reads on, and may say nothing', async (t) => {
  const clock = createManualClock()
  const { a, rooms } = await buildWithRooms(t, 1, { clock })
  const [eve, ada] = [await enter(t, a, 'eve'), await enter(t, a, 'ada')]
  await eve.join('elsewhere')
  const { id } = await eve.send('general', 'before')
  rooms.put('mute', { kind: 'mute', user: 'eve', room: 'general', reason: 'shouting' })
  await until(async () => (await a.metric('rabble_gateway_policies_version')) === 1, 60_000, 'the mute')
  const refused = { code: 'forbidden', message: /may not write in this room: shouting/ }
  await t.rejects(eve.send('general', 'hi'), refused)
  await t.rejects(eve.edit('general', id, 'hi'), refused)
  await t.rejects(eve.request({ type: 'typing', room: 'general' }), refused)
  await eve.delete('general', id)
  await eve.send('elsewhere', 'here I may')
  await eve.sendTo('ada', 'and here')
  const { id: other } = await ada.send('general', 'hello')
  await eve.sees(other)
  rooms.put('mute', { kind: 'mute', user: 'eve' })
  await until(async () => (await a.metric('rabble_gateway_policies_version')) === 2, 60_000, 'the mute')
  for (const room of ['general', 'elsewhere', 'dm:ada:eve']) {
    await t.rejects(eve.send(room, 'hi'), { code: 'forbidden' }, room)
  }
  await t.rejects(eve.sendTo('ada', 'hi'), { code: 'forbidden' })
  rooms.put('mute', { kind: 'mute', user: 'eve', expiresAt: clock.now() - 1 })
  await until(async () => (await a.metric('rabble_gateway_policies_version')) === 3, 60_000, 'the mute')
  await eve.send('general', 'it is over')
})

t.test('a mute of a minute lasts for a minute, whatever the clock of the gateway says', async (t) => {
  for (const ahead of [120_000, -120_000]) {
    const serviceClock = createManualClock()
    const clock = createManualClock(serviceClock.now() + ahead)
    const { a, rooms } = await buildWithRooms(t, 1, { clock, serviceClock })
    const eve = await enter(t, a, 'eve')
    rooms.put('mute', { kind: 'mute', user: 'eve', expiresAt: serviceClock.now() + 60_000 })
    await until(async () => (await a.metric('rabble_gateway_policies_version')) === 1, 60_000, 'the mute')
    for (const each of [clock, serviceClock]) each.jump(59_999)
    await t.rejects(eve.send('general', 'hi'), { code: 'forbidden' }, `${ahead} ms ahead`)
    for (const each of [clock, serviceClock]) each.jump(1)
    await eve.send('general', 'it is over')
  }
})

t.test('who is kicked may come back', async (t) => {
  const { a, b, rooms } = await buildWithRooms(t, 2)
  const [eve, ada, other] = [await enter(t, a, 'eve'), await enter(t, a, 'ada'), await enter(t, b, 'eve')]
  const kick = { type: 'kick', user: 'eve', message: 'calm down' } satisfies KickSignal
  a.log.signal({ ...kick, room: 'general' })
  for (const client of [eve, other]) {
    t.match(await client.waitFor((frame) => frame.type === 'left'), {
      room: 'general',
      code: 'forbidden',
      message: 'calm down',
    })
  }
  await until(() => rooms.seated('general').length === 1, 60_000, 'the seats to be free')
  t.match(await eve.join('general'), { count: 2 })
  a.log.signal(kick)
  for (const client of [eve, other]) t.match(await client.closed, { code: 1008, reason: 'calm down' })
  await ada.request({ type: 'ping' })
  await enter(t, b, 'eve')
})

t.test('who is told to go twice goes once', async (t) => {
  const { a, rooms } = await buildWithRooms(t)
  const eve = await enter(t, a, 'eve')
  const kick = { id: '1', user: 'eve', room: 'general', message: 'calm down' }
  a.log.signal({ type: 'kick', ...kick } satisfies KickSignal)
  await eve.waitFor((frame) => frame.type === 'left')
  await eve.join('general')
  rooms.put('kick:1', { kind: 'kick', ...kick })
  await until(async () => (await a.metric('rabble_gateway_policies_version')) === 1, 60_000, 'the policy')
  await eve.send('general', 'I am still here')
})

t.test('who is put out of a room while about to enter it stays out', async (t) => {
  const { a, rooms } = await buildWithRooms(t)
  const eve = await connectChat(t, a.ws, { token: await a.tokens.sign({ id: 'eve', name: 'Eve' }, 600) })
  const answer = rooms.hold('seats')
  const refused = t.rejects(eve.join('general'), { code: 'forbidden', message: 'no longer invited' })
  const asked = async () => (await a.metric('rabble_gateway_seats', { state: 'owed' })) === 1
  await until(asked, 60_000, 'the join to wait for its seat')
  a.log.signal({ type: 'kick', id: '1', user: 'eve', room: 'general', message: 'no longer invited' })
  await new Promise(setImmediate)
  answer()
  await refused
  t.match(await eve.join('general'), { count: 1 }, 'until the next time')
})

t.test('whoever is in a room that is deleted is put out, once', async (t) => {
  const { a, b, rooms } = await buildWithRooms(t, 2)
  const [ada, bob] = [await enter(t, a, 'ada'), await enter(t, b, 'bob')]
  rooms.put('room:general', { kind: 'room', room: 'general', deleted: true })
  for (const client of [ada, bob]) {
    t.match(await client.waitFor((frame) => frame.type === 'left'), {
      room: 'general',
      code: 'room-not-found',
    })
  }
  await until(() => rooms.seated('general').length === 0, 60_000, 'the seats to be free')
  t.match(await ada.join('general'), { count: 1 }, 'it may appear again')
  rooms.forgetful = true
  rooms.put('other', { kind: 'mute', user: 'eve' })
  await until(
    async () => (await a.metric('rabble_gateway_policies_version')) === 2,
    60_000,
    'the next policy',
  )
  await ada.send('general', 'still here')
})

t.test('signals that are none are skipped', async (t) => {
  const { a } = await buildWithRooms(t)
  const ada = await enter(t, a, 'ada')
  for (const signal of [
    { type: 'kick' },
    { type: 'kick', user: ['ada'], message: 'x' },
    { type: 'presence', room: 'general' },
    { type: 'presence', room: 'general', joined: [null], left: [], count: 1, version: 99 },
    { type: 'policy', version: 'x' },
    { type: 'typing', room: 'general' },
    { type: 'constructor' },
  ])
    a.log.signal(signal)
  await ada.send('general', 'hi')
  await ada.waitFor((frame) => frame.type === 'message')
  t.notOk(ada.frames.some(({ type }) => type === 'left'))
})

import { isDeepStrictEqual } from 'node:util'
import { createManualClock } from '@rabble/clock/manual'
import { type ChatClient, connectChat, createRandom, until } from '@rabble/harness'
import t from 'tap'
import { buildWithRooms } from '../rooms-build.ts'
import { pass } from '../time.ts'

const room = 'general'

t.test('users are counted over all gateways, each once, and told of each other', async (t) => {
  const { a, b, rooms } = await buildWithRooms(t, 2)
  // Members come in the order of their ids.
  const tokenOf = (name: string) => a.tokens.sign({ id: name.toLowerCase(), name }, 600)
  const ada = await connectChat(t, a.ws, { token: await tokenOf('Ada') })
  t.match(await ada.join(room), { count: 1 })
  const bob = await connectChat(t, b.ws, { token: await tokenOf('Bob') })
  t.match(await bob.join(room), { count: 2 })
  await ada.waitFor((frame) => frame.type === 'presence' && frame.count === 2)
  for (const client of [ada, bob]) {
    t.match(await client.request({ type: 'members', room }), {
      count: 2,
      users: [{ name: 'Ada' }, { name: 'Bob' }],
    })
  }
  const token = await tokenOf('Cleo')
  const cleo = await Promise.all([a, a, b].map(({ ws }) => connectChat(t, ws, { token })))
  for (const session of cleo) await session.join(room)
  t.same(rooms.seated(room).length, 3)
  await ada.waitFor((frame) => frame.type === 'presence' && frame.count === 3)
  for (const session of cleo.slice(0, 2)) await session.close()
  await until(
    () => rooms.batches.some(({ give }) => give === 1),
    60_000,
    'the seat of one gateway to be given back',
  )
  t.same(rooms.seated(room).length, 3, 'she is there through the other one')
  await cleo[2]?.request({ type: 'leave', room })
  const gone = await ada.waitFor((frame) => frame.type === 'presence' && frame.left.length > 0)
  t.match(gone, { room, left: [{ id: 'cleo', name: 'Cleo' }], count: 2 })
})

t.test('a full room is full on every gateway, until somebody leaves', async (t) => {
  const { a, b, rooms } = await buildWithRooms(t, 2)
  rooms.put('room:small', { kind: 'room', room: 'small', capacity: 2 })
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  const bob = await connectChat(t, b.ws, { name: 'Bob' })
  const cleo = await connectChat(t, b.ws, { name: 'Cleo' })
  t.match(await ada.join('small'), { count: 1, capacity: 2 })
  t.match(await bob.join('small'), { count: 2, capacity: 2 })
  await t.rejects(cleo.join('small'), { code: 'room-full' })
  await t.rejects(cleo.send('small', 'hi'), { code: 'not-joined' })
  t.match(await bob.join('small'), { count: 2, capacity: 2 }, 'who is in may join again')
  await ada.request({ type: 'leave', room: 'small' })
  await until(() => rooms.seated('small').length === 1, 60_000, 'the seat to be free')
  t.match(await cleo.join('small'), { count: 2 })
})

t.test('where a user may be once, a second session stays outside', async (t) => {
  const { a, rooms } = await buildWithRooms(t)
  rooms.put('room:solo', { kind: 'room', room: 'solo', single: true })
  const token = await a.tokens.sign({ id: 'ada', name: 'Ada' }, 600)
  const [one, two] = await Promise.all([connectChat(t, a.ws, { token }), connectChat(t, a.ws, { token })])
  // The copy of the policies follows by a signal.
  await until(async () => (await a.metric('rabble_gateway_policies_version')) === 1, 60_000, 'the policy')
  await one.join('solo')
  await one.join('solo')
  await t.rejects(two.join('solo'), { code: 'already-joined' })
  await one.request({ type: 'leave', room: 'solo' })
  await two.join('solo')
})

t.test('who goes while the seat is being taken leaves none behind', async (t) => {
  const { a, rooms } = await buildWithRooms(t)
  const tokenOf = (name: string) => a.tokens.sign({ id: name.toLowerCase(), name }, 600)
  const ada = await connectChat(t, a.ws, { token: await tokenOf('Ada') })
  const bob = await connectChat(t, a.ws, { name: 'Bob' })
  const cleo = await connectChat(t, a.ws, { token: await tokenOf('Cleo') })
  await ada.join(room)
  const answer = rooms.hold('seats')
  const late = bob.join(room).catch(() => {})
  const stays = cleo.join(room)
  await until(
    async () => (await a.metric('rabble_gateway_frames_received_total', { type: 'join' })) === 3,
    60_000,
    'the joins to arrive',
  )
  await bob.close()
  await late
  answer()
  await stays
  await until(() => rooms.seated(room).length === 2, 60_000, 'the seat to be given back')
  t.match(await ada.request({ type: 'members', room }), { users: [{ name: 'Ada' }, { name: 'Cleo' }] })
  await until(
    async () => (await a.metric('rabble_gateway_seats', { state: 'held' })) === 2,
    60_000,
    'nothing else',
  )
})

t.test('however many come at once, a few calls seat them', async (t) => {
  const { a, rooms } = await buildWithRooms(t)
  const clients = await Promise.all(
    Array.from({ length: 100 }, (_, i) => connectChat(t, a.ws, { name: `guest ${i}` })),
  )
  const joins = clients.map((client) => client.join(room))
  const joined = await Promise.all(joins)
  t.equal(rooms.seated(room).length, 100)
  t.equal(Math.max(...joined.map(({ count }) => count)), 100)
  t.ok(rooms.batches.length < 50, `${rooms.batches.length} calls`)
  t.equal(await a.metric('rabble_gateway_seats', { state: 'owed' }), 0)
})

t.test('a lease that ended is taken out again with all seats; who finds none is put out', async (t) => {
  const clock = createManualClock()
  const { a, b, rooms } = await buildWithRooms(t, 2, { clock })
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  const bob = await connectChat(t, a.ws, { name: 'Bob' })
  const eve = await connectChat(t, b.ws, { name: 'Eve' })
  rooms.put('room:small', { kind: 'room', room: 'small', capacity: 2 })
  for (const client of [ada, bob, eve]) await client.join(room)
  for (const client of [ada, bob]) await client.join('small')
  rooms.put('room:small', { kind: 'room', room: 'small', capacity: 1 })
  rooms.expire()
  const told = (client: ChatClient) => client.frames.find((frame) => frame.type === 'left')
  await pass(
    clock,
    500,
    () => [ada, bob].some((client) => told(client) !== undefined),
    'somebody to be put out',
  )
  const [out, stays] = told(ada) === undefined ? [bob, ada] : [ada, bob]
  t.match(told(out), { type: 'left', room: 'small', code: 'room-full', message: /./ })
  t.notHas(told(out), { ref: /./ })
  await t.rejects(out.send('small', 'hi'), { code: 'not-joined' })
  await stays.send('small', 'I am still here')
  await pass(clock, 500, () => rooms.seated(room).length === 3, 'all of them to have their seats again')
  t.same(rooms.seated('small'), [stays.user?.id])
  t.equal(await a.metric('rabble_gateway_leases_lost_total'), 1)
  t.match(await eve.request({ type: 'members', room }), { count: 3 })
})

t.test('whatever people do at once, in the end the service knows who is where', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const clock = createManualClock()
  const { a, b, rooms } = await buildWithRooms(t, 2, { clock })
  const where = ['one', 'two', 'three']
  const clients = await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const id = `user${i % 8}`
      const token = await a.tokens.sign({ id, name: id }, 600)
      return connectChat(t, (i % 2 ? a : b).ws, { token })
    }),
  )
  rooms.put('room:two', { kind: 'room', room: 'two', capacity: 5 })
  for (const { metric } of [a, b]) {
    await until(async () => (await metric('rabble_gateway_policies_version')) === 1, 60_000, 'the policy')
  }
  const inside = clients.map(() => new Set<string>())
  const refusals = new Set<string>()
  let most = 0
  const act = async (client: ChatClient, own: Set<string>): Promise<void> => {
    const name = where[Math.floor(random() * where.length)] ?? ''
    if (own.delete(name)) await client.request({ type: 'leave', room: name })
    else {
      await client.join(name).then(
        () => own.add(name),
        ({ code }) => refusals.add(code),
      )
    }
    most = Math.max(most, rooms.seated('two').length)
  }
  let acting = true
  const trouble = async () => {
    while (acting) {
      rooms.down = random() < 0.2
      await clock.advance(100 * random())
    }
    rooms.down = false
  }
  const troubled = trouble()
  await Promise.all(
    clients.map(async (client, i) => {
      for (let n = 0; n < 25; n++) await act(client, inside[i] ?? new Set())
    }),
  )
  acting = false
  await troubled
  t.ok(most <= 5, `never one too many: ${most}`)
  for (const usual of ['room-full', 'unavailable']) refusals.delete(usual)
  t.strictSame([...refusals], [])
  const expected = where.map((name) => [
    ...new Set(clients.filter((_, i) => inside[i]?.has(name)).map((client) => client.user?.id)),
  ])
  const seated = () => JSON.stringify(where.map((name) => rooms.seated(name).sort()))
  const goal = JSON.stringify(expected.map((users) => users.sort()))
  await pass(clock, 500, () => seated() === goal, `the service to know ${goal}`)
  // The gateway of the last one who left knew the number first: others hear of it a moment later.
  const told = async (): Promise<Set<string>> => {
    const joins = clients.flatMap((client, i) =>
      [...(inside[i] ?? [])].map(async (name) => `${name}: ${(await client.join(name)).count}`),
    )
    return new Set(await Promise.all(joins))
  }
  const right = where.flatMap((name, n) => (expected[n]?.length ? [`${name}: ${expected[n].length}`] : []))
  let counts = new Set<string>()
  const areRight = async () => {
    counts = await told()
    return isDeepStrictEqual(counts, new Set(right))
  }
  await pass(clock, 500, areRight, 'all to be told the numbers').catch(() => {})
  t.same(counts, new Set(right))
})

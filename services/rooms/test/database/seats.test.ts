import { createManualClock } from '@rabble/clock/manual'
import { RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import type { RoomsClient, Seat } from '../../src/client.ts'
import { internalTokens, makeRoom, presenceOf, seatsIn, startReplica, timeout, userOf } from '../build.ts'
import { checkCrowds } from '../crowds.ts'
import { onBoth } from '../databases.ts'
import { gatewayOf } from '../gateway.ts'

/** Counts the statements since `start`. */
function counted(database: Database): { database: Database; start(): void; statements(): number } {
  let count = 0
  return {
    database: {
      ...database,
      query: database.query,
      transaction: (work, options) =>
        database.transaction(
          (query) =>
            work((sql, params) => {
              count++
              return query(sql, params)
            }),
          options,
        ),
    },
    start() {
      count = 0
    },
    statements: () => count,
  }
}

await onBoth(async (t, make) => {
  await t.test('users are counted, and everybody is told who came and went', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    const { take, give } = await gatewayOf(replica, 'g1')
    const [first] = (await take('tea', 'ada')) as Seat[]
    t.match(first, { count: 1, version: Number })
    const [second] = (await take('tea', 'bob')) as Seat[]
    t.match(second, { count: 2 })
    t.ok((second?.version ?? 0) > (first?.version ?? 0), 'the newer count has the higher version')
    t.same(await give('tea', 'ada'), [])
    t.match(presenceOf(replica.told, 'tea'), [
      { joined: [userOf('ada')], left: [], count: 1 },
      { joined: [userOf('bob')], left: [], count: 2 },
      { joined: [], left: [userOf('ada')], count: 1 },
    ])
    t.same(await seatsIn(database), { seats: ['tea bob g1'], counts: { tea: 1 } })
  })

  await t.test('asking for the same again changes nothing and answers the same', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    await makeRoom(database, 'tea', { capacity: 1 })
    const { take, give } = await gatewayOf(replica, 'g1')
    const first = await take('tea', 'ada')
    t.match(first, [{ count: 1, capacity: 1 }])
    t.same(await take('tea', 'ada'), first)
    await give('tea', 'ada')
    await give('tea', 'ada')
    await give('tea', 'nobody')
    t.equal(presenceOf(replica.told, 'tea').length, 2)
    t.same(await seatsIn(database), { seats: [], counts: {} })
  })

  await t.test('a user is counted once however many gateways, and has left with the last', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    await makeRoom(database, 'tea', { capacity: 1 })
    const [g1, g2] = [await gatewayOf(replica, 'g1'), await gatewayOf(replica, 'g2')]
    t.match(await g1.take('tea', 'ada'), [{ count: 1 }])
    t.match(await g2.take('tea', 'ada'), [{ count: 1 }], 'the own place is there in a full room')
    t.match(await g2.take('tea', 'bob'), [{ refused: 'room-full' }])
    await g1.give('tea', 'ada')
    t.match(await g1.take('tea', 'bob'), [{ refused: 'room-full' }])
    await g2.give('tea', 'ada')
    t.match(await g1.take('tea', 'bob'), [{ count: 1 }])
    t.equal(presenceOf(replica.told, 'tea').length, 3, 'ada came once and went once')
  })

  await t.test('in one batch, what is given back makes room for what is taken', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    await makeRoom(database, 'tea', { capacity: 2 })
    const { take, client } = await gatewayOf(replica, 'g1')
    await take('tea', 'ada', 'bob')
    const answers = await client.seats('g1', {
      take: ['eve', 'joe'].map((user) => ({ room: 'tea', user: userOf(user) })),
      give: [{ room: 'tea', user: 'ada' }],
    })
    t.match(answers, [{ count: 2 }, { refused: 'room-full' }])
    t.match(presenceOf(replica.told, 'tea').at(-1), {
      joined: [userOf('eve')],
      left: [userOf('ada')],
      count: 2,
    })
  })

  await t.test('who may not enter is told why', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database, { mode: 'closed' })
    const { take, client } = await gatewayOf(replica, 'g1')
    const other = await gatewayOf(replica, 'g2')
    t.match(await take('nowhere', 'ada'), [{ refused: 'room-not-found' }])
    await makeRoom(database, 'open')
    await makeRoom(database, 'guild', { access: 'invite', createdBy: 'owner' })
    await makeRoom(database, 'booth', { single: true })
    await database.query(
      `insert into rooms.invitations (room, user_id, invited_by) values ('guild', 'ada', 'owner')`,
    )
    await database.query(
      `insert into rooms.restrictions (kind, user_id, room, by_id, by_name, expires_at) values
         ('ban', 'bob', 'open', 'm', 'M', null), ('ban', 'eve', null, 'm', 'M', now() + interval '1 hour'),
         ('ban', 'joe', null, 'm', 'M', now() - interval '1 s'), ('mute', 'joe', null, 'm', 'M', null)`,
    )
    t.match(await take('open', 'ada', 'bob', 'eve', 'joe'), [
      { count: 2 },
      { refused: 'forbidden' },
      { refused: 'forbidden' },
      { count: 2 },
    ])
    t.match(await take('guild', 'ada', 'bob', 'owner', 'eve'), [
      { count: 2 },
      { refused: 'forbidden' },
      { count: 2 },
      { refused: 'forbidden' },
    ])
    t.match(await take('booth', 'bob'), [{ count: 1 }], 'a ban of one room is for that room')
    t.match(await other.take('booth', 'bob'), [{ refused: 'already-joined' }])
    const moderator = { room: 'guild', user: userOf('mona'), moderator: true } as const
    t.match(await client.seats('g1', { take: [moderator], give: [] }), [{ count: 3 }])
    t.same((await seatsIn(database)).counts, { booth: 1, guild: 3, open: 2 })
    t.equal(await replica.value('rabble_rooms_takes_total', { result: 'forbidden' }), 4)
  })

  await t.test('of 200 at once over four gateways, a room for ten takes ten', async (t) => {
    await checkCrowds(t, await make(t), 2)
  })

  await t.test('a thousand seats are a few statements', async (t) => {
    const { database, start, statements } = counted(await make(t))
    const replica = await startReplica(t, database, { leaseTimes: { sweep: 60_000 } })
    const { client } = await gatewayOf(replica, 'g1')
    const pairs = Array.from({ length: 1000 }, (_, n) => ({ room: `room-${n % 300}`, user: `user-${n}` }))
    const take = pairs.map(({ room, user }) => ({ room, user: userOf(user) }))
    start()
    const answers = await client.seats('g1', { take, give: [] })
    t.equal(answers?.length, 1000)
    t.ok(statements() <= 30, `${statements()} statements, those of the maintenance among them`)
    start()
    await client.seats('g1', { take: [], give: pairs })
    t.ok(statements() <= 30, `${statements()} statements, those of the maintenance among them`)
    t.same(await seatsIn(database), { seats: [], counts: {} })
  })

  await t.test('rooms that want it announce who comes and goes, but nobody who is muted', async (t) => {
    const database = await make(t)
    const announcementTimes = { soon: 0, interval: 0 }
    const replica = await startReplica(t, database, { announcementTimes })
    await makeRoom(database, 'lobby', { announce: true })
    await database.query(
      `insert into rooms.restrictions (kind, user_id, room, reason, by_id, by_name)
       values ('mute', 'eve', 'lobby', '', 'mona', 'Mona')`,
      [],
    )
    const { take, give, end } = await gatewayOf(replica, 'g1')
    const { events } = replica.told
    const told = (count: number) => until(() => events.length >= count, timeout, 'what is told')
    await take('lobby', 'eve')
    await take('lobby', 'ada')
    await told(1)
    await take('lobby', 'ada')
    await take('elsewhere', 'ada')
    await give('lobby', 'ada')
    await told(2)
    await take('lobby', 'bob')
    await told(3)
    await end()
    await told(4)
    t.match(
      events,
      [
        ['Ada joined', 'joined', 'ada'],
        ['Ada left', 'left', 'ada'],
        ['Bob joined', 'joined', 'bob'],
        ['Bob left', 'left', 'bob'],
      ].map(([text, system, id]) => ({
        text,
        meta: { system, users: [{ id }], count: 1 },
        from: { id: 'system', name: 'System' },
        room: 'lobby',
      })),
    )
    t.equal(new Set(events.map(({ id }) => id)).size, 4)
    replica.told.failure = new RabbleError('unavailable', 'the log is down')
    const again = await gatewayOf(replica, 'g1')
    t.match(await again.take('lobby', 'ada'), [{ count: 1 }], 'a log that is down keeps nobody out')
    const errors = () => replica.value('rabble_rooms_announcement_errors_total')
    await until(async () => (await errors()) === 1, timeout, 'the failure to be counted')
  })

  await t.test('of a crowd that comes at once, signals name some', async (t) => {
    const replica = await startReplica(t, await make(t))
    const { take } = await gatewayOf(replica, 'g1')
    await take('tea', ...Array.from({ length: 500 }, (_, n) => `user-${n}`))
    const [signal] = presenceOf(replica.told, 'tea')
    t.equal(signal?.count, 500)
    t.equal(signal?.joined.length, 20)
  })

  await t.test(
    'in a room of a hundred signals name everybody, also those who went with a gateway',
    async (t) => {
      const replica = await startReplica(t, await make(t))
      const [g1, g2] = [await gatewayOf(replica, 'g1'), await gatewayOf(replica, 'g2')]
      const crowd = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`)
      await g1.take('tea', ...crowd('stays', 20))
      await g2.take('tea', ...crowd('goes', 40))
      await g2.end()
      await until(() => presenceOf(replica.told, 'tea').length >= 3, timeout, 'all signals')
      const [, came, went] = presenceOf(replica.told, 'tea')
      t.match([came?.joined.length, came?.count], [40, 60])
      t.match([went?.left.length, went?.count], [40, 20])
    },
  )

  await t.test('what is no batch is refused with the reason, and so is who is no service', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    const { client } = await gatewayOf(replica, 'g1')
    const ada = userOf('ada')
    const crowd = Array.from({ length: 600 }, (_, n) => `u${n}`)
    const refused = async (batch: Parameters<RoomsClient['seats']>[1], reason: RegExp) =>
      t.rejects(client.seats('g1', batch), { message: reason })
    await refused({ take: [{ room: 'tea', user: ada }], give: [{ room: 'tea', user: 'ada' }] }, /400.*once/)
    await refused(
      {
        take: crowd.map((user) => ({ room: 'tea', user: userOf(user) })),
        give: crowd.map((user) => ({ room: 'talk', user })),
      },
      /400.*1000 seats/,
    )
    t.same(await seatsIn(database), { seats: [], counts: {} })
    const url = '/internal/gateways/g1/lease'
    const body = { fresh: true, order: 1, settled: 0 }
    const headers = { authorization: `Bearer ${await internalTokens.sign({ caller: 'test' })}` }
    t.equal((await replica.app.inject({ method: 'POST', url, payload: body })).statusCode, 401)
    t.equal((await replica.app.inject({ method: 'POST', url, payload: {}, headers })).statusCode, 400)
  })

  await t.test('a user makes only so many rooms appear, and an address ten times as many', async (t) => {
    const database = await make(t)
    const clock = createManualClock()
    const replica = await startReplica(t, database, { clock, appearingRoomsPerHour: 2 })
    const client = replica.client()
    await client.renew('g1', { fresh: true })
    await makeRoom(database, 'there')
    const take = async (room: string, user: string, more: object = {}) => {
      const request = { room, user: userOf(user), network: '192.0.2.1', ...more }
      const [answer] = (await client.seats('g1', { take: [request], give: [] })) ?? []
      return answer !== undefined && 'refused' in answer ? answer : undefined
    }
    const limited = { refused: 'rate-limited', retryAfter: 30 * 60_000 }
    for (const room of ['a', 'b']) t.equal(await take(room, 'ada'), undefined)
    t.match(await take('c', 'ada'), limited)
    for (const room of ['there', 'b']) t.equal(await take(room, 'ada'), undefined, 'others can be joined')
    t.equal(await take('c', 'mona', { moderator: true }), undefined)
    for (let n = 0; n < 9; n++) {
      for (const part of [1, 2]) t.equal(await take(`room ${n} ${part}`, `guest-${n}`), undefined)
    }
    t.match(await take('d', 'eve'), { refused: 'rate-limited' })
    t.equal(await take('d', 'joe', { network: '192.0.2.2' }), undefined)
    await clock.advance(30 * 60_000)
    t.equal(await take('e', 'ada'), undefined)
  })
})

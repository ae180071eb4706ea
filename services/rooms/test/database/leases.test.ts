import { createManualClock } from '@rabble/clock/manual'
import { connectPostgres, type Database } from '@rabble/database'
import { sharedPostgres, until } from '@rabble/harness'
import t from 'tap'
import type { Seat } from '../../src/client.ts'
import { forgetEmpty } from '../../src/presence/presence.ts'
import { internalTokens, presenceOf, type Replica, seatsIn, startReplica, timeout, userOf } from '../build.ts'
import { longTimeouts, onBoth } from '../databases.ts'

/** Times (ms). Leases last until a test ends them. The sweeper soon finds that, also right after the start. */
const times = { duration: 600_000, sweep: 100, grace: 0 }

/** Lets leases seem not to have been renewed in time. */
async function expire(database: Database, ...gateways: string[]): Promise<void> {
  await database.query(
    "update rooms.leases set expires_at = now() - interval '1 second' where gateway = any($1)",
    [gateways],
  )
}

const takes = (room: string, ...users: string[]) => ({
  take: users.map((user) => ({ room, user: userOf(user) })),
  give: [],
})

async function post(replica: Replica, path: string, body: object): Promise<number> {
  const reply = await replica.app.inject({
    method: 'POST',
    url: `/internal/gateways/${path}`,
    payload: body,
    headers: { authorization: `Bearer ${await internalTokens.sign({ caller: 'gateway' })}` },
  })
  return reply.statusCode
}

/** Makes a guest hold its name through this gateway. */
async function holdName(database: Database, gateway: string): Promise<void> {
  await database.query(
    `insert into rooms.names (skeleton, name, user_id, kept, expires_at)
     values ($1, $1, $1, false, now() + interval '1 hour')`,
    [gateway],
  )
  await database.query('insert into rooms.name_holders (gateway, user_id) values ($1, $1)', [gateway])
}

async function names(database: Database): Promise<string[]> {
  const rows = await database.query<{ name: string }>('select name from rooms.names order by name', [])
  return rows.map(({ name }) => name)
}

await onBoth(async (t, make) => {
  await t.test(
    'a gateway that is gone loses its seats and names; others keep theirs, and are told',
    async (t) => {
      const database = await make(t)
      const told = { signals: [], events: [] }
      const replica = await startReplica(t, database, { told, leaseTimes: times })
      await startReplica(t, database, { told, leaseTimes: times })
      const [dead, alive] = [replica.client(), replica.client()]
      await alive.renew('alive', { fresh: true })
      await dead.renew('dead', { fresh: true })
      await Promise.all([holdName(database, 'dead'), holdName(database, 'alive')])
      await alive.seats('alive', takes('tea', 'ada', 'bob'))
      await dead.seats('dead', takes('tea', 'bob', 'eve'))
      await expire(database, 'dead')
      await until(async () => (await seatsIn(database)).counts.tea === 2, timeout, 'the seats to be free')
      t.same((await seatsIn(database)).seats, ['tea ada alive', 'tea bob alive'])
      t.same(await names(database), ['alive'])
      await until(() => presenceOf(told, 'tea').length === 3, timeout, 'the signal')
      t.match(presenceOf(told, 'tea').at(-1), { left: [userOf('eve')], joined: [], count: 2 })
      t.ok(await alive.renew('alive', { fresh: false }))

      t.equal(await dead.renew('dead', { fresh: false }), undefined)
      t.equal(await dead.seats('dead', takes('tea', 'eve')), undefined)
      t.match(await dead.renew('dead', { fresh: true }), {
        expiresIn: times.duration,
        counts: [],
        policies: Number,
      })
      t.match(await dead.seats('dead', takes('tea', 'eve')), [{ count: 3 }])
    },
  )

  await t.test('a gateway gives everything back when it goes, however much that is', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    const client = replica.client()
    await client.renew('g1', { fresh: true })
    await holdName(database, 'g1')
    for (const room of ['a', 'b']) {
      await client.seats('g1', takes(room, ...Array.from({ length: 800 }, (_, n) => `user-${n}`)))
    }
    await client.end('g1')
    // The sweeper may have been quicker; the end of the lease does not wait for it.
    const nothingIsHeld = async () => {
      const { seats } = await seatsIn(database)
      return seats.length === 0 && (await names(database)).length === 0
    }
    await until(nothingIsHeld, timeout, 'everything to be given back')
    t.same(await seatsIn(database), { seats: [], counts: {} })
    t.equal(await client.seats('g1', takes('a', 'ada')), undefined)
    t.equal(await client.renew('g1', { fresh: false }), undefined)
  })

  await t.test('a fresh lease begins without seats', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    const client = replica.client()
    await client.renew('g1', { fresh: true })
    await client.seats('g1', takes('tea', ...Array.from({ length: 1000 }, (_, n) => `user-${n}`)))
    await client.seats('g1', takes('talk', 'ada'))
    t.match(await client.renew('g1', { fresh: true }), { counts: [] })
    t.same(await seatsIn(database), { seats: [], counts: {} })
    t.equal(presenceOf(replica.told, 'tea').at(-1)?.count, 0)
    t.match(await client.seats('g1', takes('tea', 'ada')), [{ count: 1 }])
  })

  await t.test('a renewal tells what others changed in the rooms of this gateway', async (t) => {
    const replica = await startReplica(t, await make(t))
    const [g1, g2] = [replica.client(), replica.client()]
    await g1.renew('g1', { fresh: true })
    await g2.renew('g2', { fresh: true })
    const renewed = async () => (await g1.renew('g1', { fresh: false }))?.counts ?? []
    await g1.seats('g1', { take: [...takes('tea', 'ada').take, ...takes('talk', 'ada').take], give: [] })
    await until(async () => (await renewed()).length === 0, timeout, 'nothing new')
    const [seat] = (await g2.seats('g2', takes('tea', 'bob'))) as Seat[]
    await g2.seats('g2', takes('elsewhere', 'bob'))
    t.same(await renewed(), [{ room: 'tea', count: seat?.count, version: seat?.version }])
    await until(async () => (await renewed()).length === 0, timeout, 'nothing new')
  })

  await t.test('of very many changes a renewal tells a part, and the next ones the rest', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    const client = replica.client()
    await client.renew('g1', { fresh: true })
    await database.query(
      `insert into rooms.seats (room, user_id, user_name, gateway)
       select 'room-' || n, 'ada', 'Ada', 'g1' from generate_series(1, 7000) as n (n)`,
      [],
    )
    // In seven transactions, as they would be.
    for (let part = 0; part < 7; part++) {
      await database.query(
        `insert into rooms.presence (room, users)
         select 'room-' || n, 1 from generate_series($1::int + 1, $1::int + 1000) as n (n)`,
        [part * 1000],
      )
    }
    const found = new Set<string>()
    let answers = 0
    await until(
      async () => {
        const counts = (await client.renew('g1', { fresh: false }))?.counts ?? []
        if (found.size < 7_000) answers++
        t.ok(counts.length <= 5000, `${counts.length} in one answer`)
        for (const { room } of counts) found.add(room)
        return counts.length === 0
      },
      timeout,
      'everything to be told',
    )
    t.equal(found.size, 7_000)
    t.ok(answers <= 4, `${answers} answers`)
  })

  await t.test('versions grow, also over a time in which nobody was there', async (t) => {
    const database = await make(t)
    const client = (await startReplica(t, database)).client()
    await client.renew('g1', { fresh: true })
    const [first] = (await client.seats('g1', takes('tea', 'ada'))) as Seat[]
    await client.seats('g1', { take: [], give: [{ room: 'tea', user: 'ada' }] })
    const forgotten = async () => {
      // The sweeper may do it before.
      await forgetEmpty(database.query, 10)
      return (await database.query('select from rooms.presence', [])).length === 0
    }
    await until(forgotten, timeout, 'the room to be forgotten')
    const [second] = (await client.seats('g1', takes('tea', 'ada'))) as Seat[]
    t.ok((second?.version ?? 0) > (first?.version ?? 0) + 1)
  })

  await t.test('a call that comes after it was given up does nothing', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    const turn = (order: number, settled: number) => ({ order, settled })
    t.equal(await post(replica, 'g1/lease', { fresh: true, ...turn(10, 9) }), 200)
    t.equal(await post(replica, 'g1/seats', { ...takes('tea', 'ada'), ...turn(12, 10) }), 200)
    t.equal(await post(replica, 'g1/seats', { ...takes('tea', 'bob'), ...turn(11, 10) }), 200, 'side by side')
    t.equal(await post(replica, 'g1/seats', { ...takes('talk', 'ada'), ...turn(13, 12) }), 200)
    t.equal(await post(replica, 'g1/seats', { ...takes('tea', 'eve'), ...turn(11, 10) }), 409)
    t.equal(await post(replica, 'g1/lease', { fresh: true, ...turn(12, 10) }), 409)
    t.same((await seatsIn(database)).seats, ['talk ada g1', 'tea ada g1', 'tea bob g1'])
    t.equal(await post(replica, 'g1/lease', { fresh: true, ...turn(14, 13) }), 200)
    t.same((await seatsIn(database)).seats, [])
    t.equal(await post(replica, 'g2/seats', { ...takes('tea', 'eve'), ...turn(1, 0) }), 410)
  })

  await t.test('a lease that nobody renews ends', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database, { leaseTimes: { ...times, duration: 1 } })
    const client = replica.client()
    // The lease may have ended before the seat is taken.
    const seated = async () => {
      await client.renew('g1', { fresh: true })
      return (await client.seats('g1', takes('tea', 'ada'))) !== undefined
    }
    await until(seated, timeout, 'a seat')
    await until(async () => (await seatsIn(database)).seats.length === 0, timeout, 'the seat to be free')
    t.equal(await client.renew('g1', { fresh: false }), undefined)
  })

  await t.test('after a time without the service, gateways that are alive keep their seats', async (t) => {
    const database = await make(t)
    const clock = createManualClock()
    const past = await startReplica(t, database, { clock })
    for (const gateway of ['dead', 'alive']) {
      const client = past.client()
      await client.renew(gateway, { fresh: true })
      await client.seats(gateway, takes('tea', gateway))
    }
    await past.app.close()
    await expire(database, 'dead', 'alive')
    const leaseTimes = { duration: times.duration, sweep: 1_000, grace: 7_000 }
    const replica = await startReplica(t, database, { clock, leaseTimes })
    const leases = () => replica.value('rabble_rooms_leases')
    await until(async () => (await leases()) > 0, timeout, 'the first sweep')
    t.equal(await leases(), 2, 'which leaves both')
    await clock.advance(6_999)
    t.equal((await seatsIn(database)).counts.tea, 2)
    t.ok(await replica.client().renew('alive', { fresh: false }))
    const swept = async () => {
      // Longest pause.
      await clock.advance(1_250)
      return (await seatsIn(database)).counts.tea === 1
    }
    await until(swept, timeout, 'the dead one to be gone')
    t.same((await seatsIn(database)).seats, ['tea alive alive'])
    t.match(presenceOf(replica.told, 'tea'), [{ left: [userOf('dead')], joined: [], count: 1 }])
    t.ok(await replica.client().renew('alive', { fresh: false }))
  })

  await t.test('what there is is counted', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database, { leaseTimes: { ...times, grace: 60_000 } })
    const [g1, g2] = [replica.client(), replica.client()]
    await g1.renew('g1', { fresh: true })
    await g2.renew('g2', { fresh: true })
    await g1.seats('g1', takes('tea', 'ada', 'bob'))
    await g2.seats('g2', takes('tea', 'ada'))
    const later = await startReplica(t, database, { leaseTimes: { ...times, grace: 60_000 } })
    const values = async () => [
      await later.value('rabble_rooms_leases'),
      await later.value('rabble_rooms_seats'),
      await later.value('rabble_rooms_users'),
    ]
    await until(async () => (await values()).every((value) => value > 0), timeout, 'the gauges')
    t.same(await values(), [2, 3, 2])
  })
})

t.test('each lease that ends is ended by one of many replicas', async (t) => {
  const server = await sharedPostgres(t)
  const url = await server.createDatabase()
  const told = { signals: [], events: [] }
  const replicas: Replica[] = []
  for (let n = 0; n < 4; n++) {
    const database = await connectPostgres(url, longTimeouts)
    t.teardown(() => database.close())
    replicas.push(await startReplica(t, database, { told, leaseTimes: times }))
  }
  for (let n = 0; n < 20; n++) {
    const client = (replicas[n % 4] as Replica).client()
    await client.renew(`g${n}`, { fresh: true })
    await client.seats(`g${n}`, takes('tea', `user-${n}`))
  }
  const database = await connectPostgres(url, longTimeouts)
  t.teardown(() => database.close())
  await expire(database, ...Array.from({ length: 20 }, (_, n) => `g${n}`))
  const left = () => presenceOf(told, 'tea').flatMap(({ left }) => left.map(({ id }) => id))
  await until(() => left().length >= 20, timeout, 'all to have left')
  t.equal(new Set(left()).size, 20)
  t.equal(left().length, 20)
  // Replicas signal concurrently.
  const signals = presenceOf(told, 'tea').sort((a, b) => a.version - b.version)
  t.equal(signals.at(-1)?.count, 0)
})

import { createManualClock } from '@rabble/clock/manual'
import { createWorkHealth } from '@rabble/database'
import { until } from '@rabble/harness'
import { createLogger, watchClocks } from '@rabble/service'
import { Registry } from 'prom-client'
import { startUpkeep } from '../../src/jobs/maintenance.ts'
import { createMetrics } from '../../src/metrics.ts'
import { expireRestrictions } from '../../src/moderation/restrictions.ts'
import { forgetPolicies } from '../../src/policies/policies.ts'
import { lockCounts } from '../../src/presence/presence.ts'
import { forgetRooms } from '../../src/rooms/forgotten-rooms.ts'
import { letRoomsAppear } from '../../src/rooms/room-rows.ts'
import { timeout } from '../build.ts'
import { onBoth } from '../databases.ts'
import { createCopy } from '../policy-copy.ts'
import { ada, buildApi, mona, seat } from '../room-api.ts'

await onBoth(async (t, make) => {
  await t.test('a count that is forgotten before it is locked is not added out of order', async (t) => {
    const database = await make(t)
    await buildApi(t, database)
    await database.query("insert into rooms.presence (room) values ('a'), ('z')", [])
    const locking = database.transaction(async (query) => {
      const forgetting: typeof query = async (sql, params) => {
        const rows = await query<never>(sql, params)
        if (sql.startsWith('insert')) await query("delete from rooms.presence where room = 'z'", [])
        return rows
      }
      await lockCounts(forgetting, ['a', 'z'])
    })
    await t.rejects(locking, { code: '40001' }, 'the whole transaction is tried again')
  })

  await t.test('replicas clear up together as soon as they start, and again every few seconds', async (t) => {
    const database = await make(t)
    const { as, client } = await buildApi(t, database)
    // More than one statement handles.
    await database.query(
      `insert into rooms.restrictions (kind, user_id, by_id, by_name, expires_at)
       select 'ban', 'user-' || n, 'mona', 'Mona', now() - interval '1 second'
       from generate_series(1, 1200) as numbers (n)`,
      [],
    )
    await database.query(
      `insert into rooms.audit (actor_id, actor_name, action, at)
       select 'mona', 'Mona', 'ban', now() - n * interval '1 hour' from generate_series(2500, 1, -1) as numbers (n)`,
      [],
    )
    await database.query(
      `insert into rooms.audit (actor_id, actor_name, action, at)
       select '', '', 'login.refused', now() - n * interval '1 day' from generate_series(60, 0, -1) as numbers (n)`,
      [],
    )
    await as(mona, 'POST /api/moderation/mutes', { user: 'eve' })
    await letRoomsAppear(database.query, ['empty'], new Map())
    await database.query("update rooms.rooms set empty_since = now() - interval '2 days'", [])
    const clock = createManualClock()
    const logger = createLogger('rooms-test', 'silent')
    // Two minutes behind that of the database.
    const clocks = watchClocks({
      registry: new Registry(),
      logger,
      clock: createManualClock(Date.now() - 120_000),
    })
    const options = {
      clock,
      clocks,
      database,
      logger,
      metrics: createMetrics(new Registry()),
      health: createWorkHealth(clock),
      auditDays: 50,
    }
    const replicas = [startUpkeep(options), startUpkeep(options)]
    t.teardown(() => Promise.all(replicas.map((replica) => replica.close())))
    const left = async () => {
      const [row] = await database.query<Record<string, number>>(
        `select (select count(*) from rooms.restrictions) as restrictions, (select count(*) from rooms.rooms) as rooms,
           (select count(*) from rooms.audit) as audit`,
        [],
      )
      return row
    }
    // One replica may have finished with the rooms while the other still holds entries that it took before.
    const done = async () => {
      const { restrictions = 0, rooms, audit = 0 } = (await left()) ?? {}
      return rooms === 0 && restrictions <= 1 && audit <= 50 * 24 + 30
    }
    await until(done, timeout, 'everything to go that is over')
    t.same(await left(), { restrictions: 1, rooms: 0, audit: 50 * 24 + 30 })
    t.match(clocks.note(), /^the clock of database is 1\d\d s ahead/)
    t.same(
      (await client.policies(0)).changes.map(({ policy }) => policy),
      [{ kind: 'mute', user: 'eve' }],
    )

    await database.query("update rooms.restrictions set expires_at = now() - interval '1 second'", [])
    const again = async () => {
      // Longest pause.
      await clock.advance(12_500)
      return (await left())?.restrictions === 0
    }
    await until(again, timeout, 'the next round')
    await Promise.all(replicas.map((replica) => replica.close()))
  })

  await t.test('what is over no longer holds, and is forgotten by and by', async (t) => {
    const database = await make(t)
    const api = await buildApi(t, database)
    const { as } = api
    const stale = createCopy(api)
    for (const user of ['a', 'b', 'c']) await as(mona, 'POST /api/moderation/bans', { user, seconds: 3600 })
    await as(mona, 'POST /api/moderation/mutes', { user: 'd' })
    await stale.follow()
    const current = createCopy(api)
    await current.follow()
    t.equal(current.entries.size, 4)
    t.equal(await expireRestrictions(database), 0)
    await database.query(
      "update rooms.restrictions set expires_at = now() - interval '1 second' where expires_at is not null",
      [],
    )
    t.same((await as(mona, 'GET /api/moderation/bans')).body, { bans: [], hasMore: false })
    t.equal(await expireRestrictions(database), 3)
    t.equal(await expireRestrictions(database), 0)
    const [{ changes, reset } = { changes: [], reset: true }] = await current.follow()
    t.same([changes.map(({ policy }) => policy), reset], [[null, null, null], false])
    t.same([...current.entries.values()], [{ kind: 'mute', user: 'd' }])

    t.equal(await forgetPolicies(database), 0)
    await database.query("update rooms.policies set changed_at = now() - interval '25 hours'", [])
    t.equal(await forgetPolicies(database), 3)
    t.equal(await forgetPolicies(database), 0)
    t.same(
      (await current.follow()).map(({ reset }) => reset),
      [false],
    )
    t.same(
      (await stale.follow()).map(({ reset }) => reset),
      [true],
    )
    t.same(stale.entries, current.entries)
  })

  await t.test(
    'rooms that appeared by themselves go after a day without anybody, and no others',
    async (t) => {
      const database = await make(t)
      const { as } = await buildApi(t, database)
      const rooms = async () => {
        const rows = await database.query<{ name: string }>('select name from rooms.rooms order by name', [])
        return rows.map(({ name }) => name)
      }
      await letRoomsAppear(database.query, ['used', 'empty', 'changed', 'revived', 'later'], new Map())
      await as(ada, 'POST /api/rooms', { name: 'created' })
      await as(mona, 'PATCH /api/rooms/changed', { topic: 'kept' })
      await seat(database, 'used', 1)
      const dayLater = () =>
        database.query("update rooms.rooms set empty_since = empty_since - interval '25 hours'", [])

      t.equal(await forgetRooms(database, 2), 0)
      t.equal(await forgetRooms(database, 2), 0)
      await dayLater()
      await letRoomsAppear(database.query, ['revived'], new Map())
      await seat(database, 'later', 1)
      t.equal(await forgetRooms(database, 2), 1)
      t.same(await rooms(), ['changed', 'created', 'later', 'revived', 'used'])
      await database.query("delete from rooms.seats where room = 'later'", [])
      await database.query("update rooms.presence set users = 0 where room = 'later'", [])
      t.equal(await forgetRooms(database), 0)
      await dayLater()
      t.equal(await forgetRooms(database), 2)
      t.same(await rooms(), ['changed', 'created', 'used'])
    },
  )
})

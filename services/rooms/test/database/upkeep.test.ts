import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import { createLogger } from '@rabble/service'
import { Registry } from 'prom-client'
import { createMetrics } from '../../src/metrics.ts'
import { letRoomsAppear } from '../../src/room-rows.ts'
import { startUpkeep } from '../../src/upkeep.ts'
import { patience } from '../build.ts'
import { onBoth } from '../databases.ts'
import { buildApi, mona } from '../room-api.ts'

await onBoth(async (t, make) => {
  await t.test('replicas clear up together as soon as they start, and again every few seconds', async (t) => {
    const database = await make(t)
    const { as, client } = await buildApi(t, database)
    // More than goes in one statement.
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
    await letRoomsAppear(database.query, ['empty'])
    await database.query("update rooms.rooms set empty_since = now() - interval '2 days'", [])
    const clock = createManualClock()
    const options = {
      clock,
      database,
      logger: createLogger('rooms-test', 'silent'),
      metrics: createMetrics(new Registry()),
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
    // The one may be done with the rooms while the other still has entries in its hands that it took from it.
    const done = async () => {
      const { restrictions = 0, rooms, audit = 0 } = (await left()) ?? {}
      return rooms === 0 && restrictions <= 1 && audit <= 50 * 24 + 30
    }
    await until(done, patience, 'everything to go that is over')
    t.same(await left(), { restrictions: 1, rooms: 0, audit: 50 * 24 + 30 })
    t.same(
      (await client.policies(0)).changes.map(({ policy }) => policy),
      [{ kind: 'mute', user: 'eve' }],
    )

    await database.query("update rooms.restrictions set expires_at = now() - interval '1 second'", [])
    const again = async () => {
      // A pause at its longest.
      await clock.advance(12_500)
      return (await left())?.restrictions === 0
    }
    await until(again, patience, 'the next round')
    await Promise.all(replicas.map((replica) => replica.close()))
  })
})

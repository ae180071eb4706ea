import { createManualClock } from '@rabble/clock/manual'
import type { LogEvent, MessageEvent } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { until } from '@rabble/harness'
import type { Test } from 'tap'
import { closeLostRooms } from '../../src/jobs/lost-rooms.ts'
import { lookAlikesAmong } from '../../src/rooms/room-looks.ts'
import { isReady, logger, startReplica, type Told, timeout, tokens, userOf } from '../build.ts'
import { onBoth } from '../databases.ts'
import { gatewayOf } from '../gateway.ts'

function message(room: string): MessageEvent {
  const at = '2026-11-22T10:00:00.000Z'
  return { type: 'message', room, id: `message in ${room}`, from: userOf('ada'), text: 'hi', at, via: 'g0' }
}

/** Returns a log with earlier messages. */
function oldLog(...rooms: string[]): Told {
  const mark: LogEvent = { type: 'mark', room: 'gateways:0', id: 'mark' }
  return { signals: [], events: [], earlier: [mark, ...rooms.map(message)] }
}

/** Drops the tables, as in a database that comes back empty. */
async function empty(database: Database): Promise<void> {
  // Repeated if it meets a job that locks the tables in another order.
  const drop = () =>
    database.query('drop schema rooms cascade').then(
      () => true,
      () => false,
    )
  await until(drop, timeout, 'the schema to go')
  await database.query('delete from rabble_migrations', [])
}

/** Recreates a table with the same rows, as `pg_restore --clean` does. */
async function restore(database: Database): Promise<void> {
  await database.query(
    `alter table rooms.origin rename to dumped;
     create table rooms.origin (like rooms.dumped including all);
     insert into rooms.origin select * from rooms.dumped;
     drop table rooms.dumped`,
  )
}

await onBoth(async (t, make) => {
  async function start(t: Test, told: Told) {
    const clock = createManualClock()
    const database = await make(t)
    const replica = await startReplica(t, database, { clock, told })
    return { clock, database, replica }
  }

  await t.test(
    'rooms of which a new database knows nothing stay closed until a moderator decides',
    async (t) => {
      const { replica } = await start(t, oldLog('board', 'dm:ada:bob', 'tea', 'tea'))
      const { client, take } = await gatewayOf(replica, 'g1')
      t.match(await take('board', 'eve'), [{ refused: 'forbidden' }])
      t.match(await take('new', 'eve'), [{ count: 1 }])
      for (const reader of [{ user: 'eve' }, {}]) {
        t.same(await client.readable(['board', 'tea', 'new'], reader), ['new'])
      }
      const { changes } = await client.policies(0)
      t.match(changes, [
        { key: 'room:board', policy: { inviteOnly: true } },
        { key: 'room:tea', policy: { inviteOnly: true } },
      ])
      const headers = { authorization: `Bearer ${await tokens.sign(userOf('mona'), 60, ['moderator'])}` }
      const payload = { access: 'open' }
      await replica.app.inject({ method: 'PATCH', url: '/api/rooms/tea', headers, payload })
      t.match(await take('tea', 'eve'), [{ count: 1 }])
      t.match(await take('board', 'eve'), [{ refused: 'forbidden' }])
    },
  )

  await t.test('a database that is in use is compared only when it is asked to be', async (t) => {
    const { replica, database } = await start(t, oldLog())
    const { take } = await gatewayOf(replica, 'g1')
    await take('tea', 'ada')
    await database.query("insert into rooms.former (name) values ('gone')", [])
    const told = oldLog('tea', 'gone', 'board')
    const compare = () => startReplica(t, database, { told }).then(({ app }) => app.close())
    const rooms = async () => {
      const rows = await database.query<{ room: string }>(
        `select name || ' ' || access as room from rooms.rooms order by name`,
        [],
      )
      return rows.map(({ room }) => room)
    }
    await compare()
    t.same(await rooms(), ['tea open'])
    await database.query('update rooms.origin set compared = false', [])
    await compare()
    t.same(await rooms(), ['board invite', 'tea open'], 'what it knows, or knew, is as it was')
  })

  await t.test('rooms that are newer than a backup that was restored stay closed', async (t) => {
    const { replica, database } = await start(t, oldLog())
    const { take } = await gatewayOf(replica, 'g1')
    await take('tea', 'ada')
    await replica.app.close()
    await restore(database)
    const again = await startReplica(t, database, { told: oldLog('tea', 'board') })
    const { client } = await gatewayOf(again, 'g2')
    t.same(await client.readable(['board', 'tea'], { user: 'eve' }), ['tea'])
    await again.app.close()
    const later = await startReplica(t, database, { told: oldLog('tea', 'board', 'new') })
    const { client: third } = await gatewayOf(later, 'g3')
    t.same(await third.readable(['new'], { user: 'eve' }), ['new'], 'it is compared once')
  })

  await t.test('a database that comes back empty is prepared again, with nothing open', async (t) => {
    const { replica, database, clock } = await start(t, oldLog('board'))
    await empty(database)
    const again = async () => {
      await clock.advance(5_000)
      const rows = await database.query("select to_regclass('rooms.origin') is not null as there", [])
      return (rows[0] as { there: boolean }).there && isReady(replica.app)
    }
    await until(again, timeout, 'the tables to be there again')
    const { take } = await gatewayOf(replica, 'g2')
    t.match(await take('board', 'eve'), [{ refused: 'forbidden' }])
    t.match(await take('tea', 'eve'), [{ count: 1 }])
  })

  await t.test('a copy of the policies of a lost database is made anew', async (t) => {
    const told = oldLog('zoo')
    const { replica, database, clock } = await start(t, told)
    const { client } = await gatewayOf(replica, 'g1')
    const { version } = await client.policies(0)
    told.earlier = oldLog('board', 'cake').earlier ?? []
    await empty(database)
    const again = async () => {
      await clock.advance(5_000)
      const { changes } = await client.policies(0)
      return changes.length === 2
    }
    await until(again, timeout, 'both rooms to be closed')
    const changes = [{ key: 'room:board' }, { key: 'room:cake' }]
    t.match(await client.policies(version), { reset: true, changes })
  })

  await t.test('while the log can’t be read to its end, nothing is decided', async (t) => {
    const database = await make(t)
    const log = {
      partitions: 1,
      publish: async () => {},
      async *read() {
        yield [{ offset: 0, entries: [{ event: message('board'), line: Buffer.alloc(0) }] }]
      },
    }
    const options = { database, log, clock: createManualClock(), logger }
    await t.rejects(closeLostRooms(options, new AbortController().signal), { message: /ended before/ })
    t.same(await database.query('select compared from rooms.origin', []), [{ compared: false }])
    t.same(await database.query('select name from rooms.rooms', []), [])
  })

  await t.test('no room comes to be that looks like one that was closed just now', async (t) => {
    const database = await make(t)
    let mark: LogEvent = { type: 'mark', room: 'gateways:0', id: 'mark' }
    const line = Buffer.alloc(0)
    const log = {
      partitions: 1,
      async publish(event: LogEvent) {
        mark = event
      },
      async *read() {
        yield [{ offset: 0, entries: [message('board'), mark].map((event) => ({ event, line })) }]
      },
    }
    const options = { database, log, clock: createManualClock(), logger }
    await closeLostRooms(options, new AbortController().signal)
    const alike = await database.transaction((query) => lookAlikesAmong(query, ['b0ard', 'tea']))
    t.same([...alike], ['b0ard'])
  })
})

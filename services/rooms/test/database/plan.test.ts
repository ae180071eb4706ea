import { connectPostgres, type Database, migrate } from '@rabble/database'
import { startPostgres } from '@rabble/harness'
import t from 'tap'
import { listRooms, type RoomListQuery, type Viewer } from '../../src/room-list.ts'
import { migrations, patient } from '../databases.ts'

interface Plan {
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
}

const rooms = 100_000

t.test('lists and searches of 100,000 rooms read what they show and little else', async (t) => {
  const server = await startPostgres(t, { settings: { autovacuum: 'off' } })
  const database = await connectPostgres(await server.createDatabase(), patient)
  t.teardown(() => database.close())
  await migrate(database, 'rooms', migrations)
  // Names are scattered over the table; every third room is invite-only, and every tenth has somebody in it.
  await database.query(
    `insert into rooms.rooms (name, topic, folded, access, created_by)
     select name, topic, name || E'\\n' || topic, case number % 3 when 0 then 'invite' else 'open' end,
       'user-' || number % 5000
     from (
       select number, 'room-' || left(md5(number::text), 12) as name, 'topic ' || number as topic
       from generate_series(1, $1::int) as numbers (number)
     ) numbered`,
    [rooms],
  )
  await database.query(
    `insert into rooms.presence (room, users)
     select name, 1 + length(replace(name, 'a', '')) % 30 from rooms.rooms where right(topic, 1) = '7'`,
    [],
  )
  await database.query(
    `insert into rooms.invitations (room, user_id, invited_by)
     select name, 'user-7', 'user-8' from rooms.rooms where access = 'invite' order by name limit 300`,
    [],
  )
  await database.query(
    `insert into rooms.invitations (room, user_id, invited_by)
     select name, 'user-' || 10 + length(replace(name, 'b', '')), 'user-8' from rooms.rooms where access = 'invite'`,
    [],
  )
  await database.query('vacuum analyze rooms.rooms, rooms.presence, rooms.invitations')

  /** What a page has, and how much of the tables and indexes was looked at for it. */
  async function costOf(
    query: Partial<RoomListQuery>,
    viewer: Viewer,
  ): Promise<{ found: number; buffers: number }> {
    let buffers = 0
    const explained: Pick<Database, 'query'> = {
      async query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]> {
        const [plan] = await database.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
          `explain (analyze, buffers, format json) ${sql}`,
          params,
        )
        const top = plan?.['QUERY PLAN'][0].Plan
        buffers += (top?.['Shared Hit Blocks'] ?? 0) + (top?.['Shared Read Blocks'] ?? 0)
        return database.query<Row>(sql, params)
      },
    }
    const found = await listRooms(explained, { limit: 50, sort: 'name', ...query }, viewer)
    return { found: found.rooms.length, buffers }
  }

  const guest = { all: false }
  const user = { user: 'user-7', all: false }
  const moderator = { user: 'mona', all: true }
  const middle = 'room-8'
  // The table alone has about 1,600 pages.
  const asked: [Partial<RoomListQuery>, Viewer, number, number][] = [
    [{}, guest, 50, 400],
    [{ after: middle }, guest, 50, 400],
    [{ after: middle }, user, 50, 400],
    [{ after: middle }, moderator, 50, 400],
    [{ sort: 'users' }, guest, 50, 600],
    [{ sort: 'users', after: `12:${middle}` }, user, 50, 600],
    [{ sort: 'users', after: `0:${middle}` }, guest, 50, 600],
    // A few rooms have it, two have it, all have it, none has it.
    [{ q: 'topic 7777' }, guest, 21, 1200],
    [{ q: '31415' }, moderator, 2, 100],
    [{ q: 'ROOM topic' }, user, 50, 500],
    [{ q: 'ROOM topic', sort: 'users' }, guest, 50, 600],
    [{ q: 'quartz' }, moderator, 0, 100],
  ]
  for (const [query, viewer, expected, most] of asked) {
    const { buffers, found } = await costOf(query, viewer)
    const told = `${JSON.stringify(query)} of ${JSON.stringify(viewer)}`
    t.equal(found, expected, told)
    t.ok(buffers < most, `${told} takes ${buffers} buffers`)
  }
})

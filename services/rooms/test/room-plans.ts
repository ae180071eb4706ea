import { connectPostgres, type Database, migrate } from '@rabble/database'
import { startPostgres } from '@rabble/harness'
import type { Test } from 'tap'
import { listRooms, type RoomListQuery, type Viewer } from '../src/rooms/room-list.ts'
import { longTimeouts, migrations } from './databases.ts'

interface Plan {
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
}

/** A list request: its query, its viewer, the number of rooms found, and the maximum number of buffers. */
export type Asked = readonly [query: Partial<RoomListQuery>, viewer: Viewer, found: number, buffers: number]

export const guest = { all: false }
export const user = { user: 'user-7', all: false }
export const moderator = { user: 'mona', all: true }

/** Creates `rooms` rooms, and checks how much of the tables and indexes their lists read. */
export async function checkLists(t: Test, rooms: number, asked: readonly Asked[]): Promise<void> {
  const server = await startPostgres(t, { settings: { autovacuum: 'off' } })
  const database = await connectPostgres(await server.createDatabase(), longTimeouts)
  t.teardown(() => database.close())
  await migrate(database, 'rooms', migrations)
  // Names are scattered over the table. Every third room is invite-only, and every tenth has users.
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

  /** Returns the contents of a page, and how much of the tables and indexes was read for it. */
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

  const found: string[] = []
  const expected: string[] = []
  for (const [query, viewer, rooms, most] of asked) {
    const cost = await costOf(query, viewer)
    const told = `${JSON.stringify(query)} of ${JSON.stringify(viewer)}`
    const takes = (buffers: number) => (buffers < most ? 'few buffers' : `${buffers} buffers`)
    found.push(`${told}: ${cost.found} rooms in ${takes(cost.buffers)}`)
    expected.push(`${told}: ${rooms} rooms in few buffers`)
  }
  t.strictSame(found, expected)
}

import { createHash } from 'node:crypto'
import { connectPostgres, type Database } from '@rabble/database'
import type { TestContext } from '@rabble/harness'

export const room = 'large'

/** Returns an id as random as a real one, so that neighbours in the room are far apart in the index of ids. */
export function idOf(n: number): string {
  return createHash('md5').update(`${n}`).digest('hex')
}

/**
 * Inserts messages of a room into the tables of a running history, alternating with as many messages of a thousand small
 * rooms. Resolves once the tables are vacuumed and analysed, as they would be after a day.
 */
export async function fillRoom(database: Database, messages: number): Promise<void> {
  const rows = 2 * messages
  // Marks all rows as indexed. Otherwise the search would index them during the measurement.
  await database.query(
    `insert into history.search_positions (partition, sequence) values (0, $1)
     on conflict (partition) do update set sequence = excluded.sequence`,
    [rows],
  )
  await database.query(
    `insert into history.messages (partition, sequence, id, room, sender_id, sender_name, text, at, via)
     select 0, n, md5(n::text), case n % 2 when 0 then $1 else 'room-' || n % 999 end, 'user-' || n % 500,
       'Sender ' || n % 500, repeat('words ', 1 + n % 30), timestamptz '2026-01-01' + n * interval '1 second',
       'gateway-1-7f3a91c2'
     from generate_series(1, $2::int) as numbers (n)`,
    [room, rows],
  )
  await database.query(
    `insert into history.positions (partition, sequence) values (0, $1)
     on conflict (partition) do update set sequence = excluded.sequence`,
    [rows],
  )
  await database.query('vacuum analyze history.messages')
  await database.query('checkpoint')
}

/** Connects with a statement timeout that is long enough for `fillRoom`. */
export async function openDatabase(t: TestContext, url: string): Promise<Database> {
  const database = await connectPostgres(url, { connections: 1, statementTimeout: 1_800_000 })
  t.teardown(() => database.close())
  return database
}

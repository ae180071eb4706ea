import type { Database } from '@rabble/database'
import type { NamesWithMessages } from '../api.ts'

/** Maximum number of remembered names, if no history reports which of them have no messages. The oldest go first. */
const most = 1_000_000

/** Whether messages of an earlier room of this name may exist. */
export async function isFormer(query: Database['query'], name: string): Promise<boolean> {
  const rows = await query('select 1 from rooms.former where name = $1', [name])
  return rows.length > 0
}

/** Remembers the names of rooms that are being deleted. */
export async function becomeFormer(query: Database['query'], names: readonly string[]): Promise<void> {
  await query(
    `insert into rooms.former (name) select name from unnest($1::text[]) as gone (name)
     order by name collate "C" on conflict (name) do update set since = now()`,
    [names],
  )
}

/**
 * Updates a range of the names from what history has. Names with messages that are not known here are remembered; names without
 * messages become free. History may lag a little, so a name stays for at least an hour.
 */
export async function compareFormer(
  { query }: Pick<Database, 'query'>,
  { after, through, names }: NamesWithMessages,
): Promise<void> {
  await query(
    `insert into rooms.former (name) select name from unnest($1::text[]) as said (name)
     where not exists (select from rooms.rooms where rooms.name = said.name)
     order by name collate "C" on conflict do nothing`,
    [names],
  )
  await query(
    `delete from rooms.former where name > $1 and ($2::text is null or name <= $2)
       and name <> all($3::text[]) and since < now() - interval '1 hour'`,
    [after, through ?? null, names],
  )
}

/** Drops the oldest names beyond `limit`. */
export async function trimFormer({ query }: Pick<Database, 'query'>, limit = most): Promise<void> {
  await query(
    `delete from rooms.former where since <= (select since from rooms.former order by since desc offset $1 limit 1)`,
    [limit],
  )
}

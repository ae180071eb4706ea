import type { Database } from '@rabble/database'
import { skeletonsOf } from '../names/skeleton.ts'

/** Message for a room that looks like another one. It does not name the other room, which may be invite-only. */
export const lookAlike = 'there is a room already whose name looks like this one'

/** Maximum number of rooms handled in one transaction. */
const pageSize = 500

/**
 * Returns those of some rooms that can't be created because they look like an existing room, or like an earlier one of them.
 * From here until the transaction ends, no other transaction creates rooms. To avoid deadlocks, the caller must not hold locks
 * that such a transaction needs.
 */
export async function lookAlikesAmong(
  query: Database['query'],
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set()
  await query("select pg_advisory_xact_lock(hashtextextended('rabble rooms', 0))", [])
  const wanted = names.map((name) => ({ name, skeletons: skeletonsOf(name) }))
  const rows = await query<{ name: string; skeletons: string[] }>(
    'select name, skeletons from rooms.rooms where skeletons && $1::text[]',
    [wanted.flatMap(({ skeletons }) => skeletons)],
  )
  const taken = new Map(rows.flatMap(({ name, skeletons }) => skeletons.map((skeleton) => [skeleton, name])))
  const alike = new Set<string>()
  for (const { name, skeletons } of wanted) {
    if (skeletons.some((skeleton) => (taken.get(skeleton) ?? name) !== name)) alike.add(name)
    else for (const skeleton of skeletons) taken.set(skeleton, name)
  }
  return alike
}

/** Computes the skeletons of rooms that an earlier version created. Returns their number, at most one page. */
export function fillLooks(database: Pick<Database, 'transaction'>): Promise<number> {
  return database.transaction(async (query) => {
    const rows = await query<{ name: string }>(
      'select name from rooms.rooms where skeletons is null order by name limit $1 for update skip locked',
      [pageSize],
    )
    if (rows.length === 0) return 0
    await query(
      `update rooms.rooms set skeletons = looks.skeletons
       from json_to_recordset($1::json) as looks (name text, skeletons text[]) where rooms.name = looks.name`,
      [JSON.stringify(rows.map(({ name }) => ({ name, skeletons: skeletonsOf(name) })))],
    )
    return rows.length
  })
}

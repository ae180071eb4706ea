import { RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { Policy, PolicyChanges } from '../api.ts'

export interface PolicyEntry {
  /** `room:<name>`, `restriction:<id>`, `kick:<id>` or `session:<id>`. */
  key: string
  /** Null if it no longer holds. */
  policy: Policy | null
}

/** Maximum number of entries in one answer. */
const pageSize = 1000

/**
 * Maximum number of policies of each kind; only moderators may add more. All gateways keep all policies in memory, and load
 * them before anybody may enter, so owners of rooms must not create an unlimited number.
 */
const most = { room: 100_000, restriction: 20_000, kick: 20_000, session: 50_000 }

/**
 * Checks whether a user who is not a moderator may add these policies.
 * @throws RabbleError `too-large`
 */
export async function checkPolicies(
  query: Database['query'],
  entries: readonly PolicyEntry[],
  limits: Readonly<Record<keyof typeof most, number>> = most,
): Promise<void> {
  const keys = entries.flatMap(({ key, policy }) => (policy === null ? [] : key))
  if (keys.length === 0) return
  const known = await query<{ key: string }>(
    'select key from rooms.policies where key = any($1) and entry is not null',
    [keys],
  )
  const added = keys.filter((key) => !known.some((row) => row.key === key))
  for (const kind of ['room', 'restriction', 'kick', 'session'] as const) {
    if (!added.some((key) => key.startsWith(`${kind}:`))) continue
    const [row] = await query<{ count: number }>(
      `select count(*) from (
         select from rooms.policies where key >= $1 and key < $2 and entry is not null limit $3
       ) present`,
      [`${kind}:`, `${kind};`, limits[kind]],
    )
    if ((row?.count ?? 0) < limits[kind]) continue
    throw new RabbleError('too-large', 'the limit of rules over all rooms is reached: ask a moderator')
  }
}

/**
 * Changes policies, as the last step of a transaction: other transactions that change policies wait from here until it ends.
 * Unchanged policies are left alone. The caller must have locked what the keys are about, such as the room.
 * @returns the version to tell the gateways after the commit; undefined if nothing changed
 */
export async function putPolicies(
  query: Database['query'],
  entries: readonly PolicyEntry[],
): Promise<number | undefined> {
  const rows = await query<{ version: number }>(
    `with given as (
       select * from unnest($1::text[], $2::text[], $3::boolean[]) as entries (key, entry, passing)
     ), changed as (
       select given.*, row_number() over () as number from given left join rooms.policies known using (key)
       where case when given.entry is null then known.entry is not null
         -- A room that is deleted once more must be told of once more.
         else given.passing or known.entry is distinct from given.entry end
     ), last as (
       update rooms.policy_version set version = version + (select count(*) from changed)
       where exists (select from changed) returning version - (select count(*) from changed) as version
     )
     insert into rooms.policies (key, version, entry, passing)
     select key, last.version + number, entry, passing from changed, last
     on conflict (key) do update set version = excluded.version, entry = excluded.entry,
       passing = excluded.passing, changed_at = now()
     returning version`,
    [
      entries.map(({ key }) => key),
      entries.map(({ policy }) => (policy === null ? null : JSON.stringify(policy))),
      entries.map(({ policy }) => policy === null || isPassing(policy)),
    ],
  )
  return rows.length === 0 ? undefined : Math.max(...rows.map(({ version }) => version))
}

/** Whether a policy reports something that is over and need not be known permanently. */
function isPassing(policy: Policy): boolean {
  if (policy.kind === 'kick' || policy.kind === 'session') return true
  return policy.kind === 'room' && policy.deleted === true && policy.inviteOnly === undefined
}

/** Changes one policy, as `putPolicies`. */
export function putPolicy(
  query: Database['query'],
  key: string,
  policy: Policy | null,
): Promise<number | undefined> {
  return putPolicies(query, [{ key, policy }])
}

interface Row {
  last: number
  reset: boolean
  key: string | null
  version: number
  entry: string | null
}

/**
 * Returns the changes since a version, in the order of the versions. A copy that is too old, belongs to another database, or is
 * empty is loaded from the beginning. `loading`: `since` is how far such a load has come, so that it is not taken for a copy
 * that is too old.
 */
export async function changesSince(
  database: Pick<Database, 'query'>,
  { since, loading, limit = pageSize }: { since: number; loading: boolean; limit?: number },
): Promise<PolicyChanges> {
  // One statement, so that version and entries are of the same moment.
  const rows = await database.query<Row>(
    `select last, reset, key, changes.version, entry
     from (
       select version as last,
         $1::bigint = 0 or $1 > version or (not $2::boolean and $1 < forgotten) as reset
       from rooms.policy_version
     ) now left join lateral (
       select key, version, entry from rooms.policies
       where version > case when reset then 0 else $1 end and (entry is not null or not (reset or $2))
       order by version limit $3 + 1
     ) changes on true
     order by changes.version`,
    [since, loading, limit],
  )
  const [first] = rows
  if (first === undefined) throw new Error('the version of the policies is missing')
  const more = rows.length > limit
  const changes = rows.slice(0, limit).flatMap(({ key, entry }) => {
    const policy: Policy | null = entry === null ? null : JSON.parse(entry)
    return key === null ? [] : [{ key, policy }]
  })
  const last = rows[limit - 1]
  return {
    version: more && last !== undefined ? last.version : first.last,
    reset: first.reset,
    more,
    changes,
  }
}

/** Drops entries that have reported for a day that something ended. Older copies are then loaded again. Returns their number. */
export async function forgetPolicies(database: Database): Promise<number> {
  return database.transaction(async (query) => {
    // First, as in all changes of policies: nobody must read a version that is about to be forgotten.
    await query('select version from rooms.policy_version for update', [])
    const [row] = await query<{ dropped: number }>(
      `with old as (
         select key from rooms.policies where passing and changed_at < now() - interval '1 day'
         order by changed_at limit 1000
       ), dropped as (
         delete from rooms.policies using old where policies.key = old.key returning version
       ), raised as (
         update rooms.policy_version
         set forgotten = greatest(forgotten, coalesce((select max(version) from dropped), 0))
         where exists (select from dropped)
       ) select count(*) as dropped from dropped`,
      [],
    )
    return row?.dropped ?? 0
  })
}

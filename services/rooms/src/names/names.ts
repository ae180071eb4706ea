import { isUserName, systemUser, type User } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { Refusal } from '../api.ts'
import { skeletonsOf } from './skeleton.ts'

type Query = Database['query']

/** Time (ms) after which a name that only a gateway holds may be free: the lease has ended by then. */
const retryAfter = 15_000

/** Skeletons of names that nobody may have. */
const reserved = new Set(skeletonsOf(systemUser.name))

/** Placeholder for a user's id: the name belongs to accounts, whose names the operator decides. No user has an empty id. */
const accounts = ''

/** Whether a name looks like one that nobody may have. */
export function isReservedName(name: string): boolean {
  return skeletonsOf(name).some((skeleton) => reserved.has(skeleton))
}

const nameLock = "pg_advisory_xact_lock(hashtextextended('rabble names', 0))"

/** Seconds for which a name is kept without a gateway: a guest who signed in, or left, soon connects. */
export const unusedFor = 10 * 60

/** Maximum number of seconds for which a name is kept (68 years): some tokens of accounts practically never end. */
const longest = 2 ** 31 - 1

/** A user who claims a name. */
export interface Claim extends User {
  /** Time (ms since 1970) at which an account's token ends. Absent for a guest, whose id is known or new. */
  account?: number
}

/** Way in which guests hold the names that they claim. */
export type Hold =
  /** While the gateway holds it. Refused to a guest who has another name by now, for which it gave this one up. */
  | { gateway: string }
  /** Until it expires, or ten minutes after its guest has left. Another name of the same guest is given up. */
  | 'kept'
  /** Until it expires, whether its guest is connected or not. Another name of the same guest is given up. */
  | 'reserved'

export interface Claimed {
  /** Refusal of each claim; undefined if granted. */
  refusals: (Refusal | undefined)[]
  /** Guests whose name now belongs to an account: they must be kicked. */
  displaced: string[]
}

/** A claim, and the seconds for which its name is kept if granted. */
interface Wanted {
  id: string
  name: string
  skeletons: string[]
  account: boolean
  seconds: number
}

interface NameRow {
  skeleton: string
  name: string
  user: string
  kept: boolean
  held: boolean
}

/**
 * Claims names, those of accounts first, in their order. Each name is held for `seconds`, or until an account's token ends, or
 * refused. Repeating a call is harmless if the ids are the same. All claims run one after another, so that concurrent claims in
 * different orders can't both get a name.
 *
 * An account takes its name from a guest, and shares it with other accounts: the operator decides their names.
 */
export async function claimNames(
  query: Query,
  claims: readonly Claim[],
  hold: Hold,
  seconds: number,
  now: number,
): Promise<Claimed> {
  await lockNames(query)
  return claim(query, claims, hold, seconds, now)
}

/** Releases the names of guests who left a gateway, and claims names for it. Returns undefined if its lease has ended. */
export async function changeNames(
  query: Query,
  gateway: string,
  { claims, release }: { claims: readonly Claim[]; release: readonly string[] },
  seconds: number,
  now: number,
): Promise<Claimed | undefined> {
  // The lease is locked first, as by the sweeper, which locks it before it removes the names.
  const held = await query(
    `with lease as materialized (
       select 1 from rooms.leases where gateway = $1 and isfinite(expires_at) for share
     ) select ${nameLock} from lease`,
    [gateway],
  )
  if (held.length === 0) return undefined
  if (release.length > 0) await releaseNames(query, gateway, release)
  return claim(query, claims, { gateway }, seconds, now)
}

async function claim(
  query: Query,
  claims: readonly Claim[],
  hold: Hold,
  seconds: number,
  now: number,
): Promise<Claimed> {
  if (claims.length === 0) return { refusals: [], displaced: [] }
  // An invalid name can be any string, even one that the database can't store.
  const wanted = claims.map(({ id, name, account }) => ({
    id,
    name,
    skeletons: isUserName(name) ? skeletonsOf(name) : [],
    account: account !== undefined,
    seconds: account === undefined ? seconds : secondsBetween(now, account),
  }))
  const skeletons = [...new Set(wanted.flatMap((claim) => claim.skeletons))]
  const rows = await query<NameRow>(
    `select skeleton, name, user_id as user, kept, expires_at > now() and (kept or exists (
       select 1 from rooms.name_holders holders where holders.user_id = names.user_id)) as held
     from rooms.names where skeleton = any($1) or user_id = any($2)`,
    [skeletons, claims.map(({ id }) => id)],
  )
  const held = rows.filter((row) => row.held)
  const owners = new Map(held.map((row) => [row.skeleton, { user: row.user, kept: row.kept }]))
  const names = new Map(held.map((row) => [row.user, row.name]))

  const granted: Wanted[] = []
  const displaced = new Set<string>()
  const refusals: Claimed['refusals'] = wanted.map(() => undefined)
  for (const account of [true, false]) {
    for (const [index, claim] of wanted.entries()) {
      if (claim.account !== account) continue
      const refusal = refusalOf(claim, owners, typeof hold === 'string' ? undefined : names)
      if (refusal !== undefined) {
        refusals[index] = refusal
        continue
      }
      for (const skeleton of claim.skeletons) {
        const { user = accounts } = owners.get(skeleton) ?? {}
        if (account && user !== accounts) displaced.add(user)
        owners.set(skeleton, {
          user: account ? accounts : claim.id,
          kept: account || typeof hold === 'string',
        })
      }
      if (!account) names.set(claim.id, claim.name)
      granted.push(claim)
    }
  }
  if (granted.length > 0) await write(query, granted, hold, rows)
  return { refusals, displaced: [...displaced] }
}

function secondsBetween(now: number, time: number): number {
  return Math.min(longest, Math.max(0, Math.ceil((time - now) / 1000)))
}

function refusalOf(
  { id, name, skeletons, account }: Wanted,
  owners: ReadonlyMap<string, { user: string; kept: boolean }>,
  names: ReadonlyMap<string, string> | undefined,
): Refusal | undefined {
  if (skeletons.length === 0) {
    return {
      refused: 'bad-frame',
      message: 'a name has 1 to 64 characters that can be seen, and is not System',
    }
  }
  if (skeletons.some((skeleton) => reserved.has(skeleton))) {
    return { refused: 'name-taken', message: 'this looks like System, which is reserved' }
  }
  if (account) return undefined
  const other = skeletons.map((skeleton) => owners.get(skeleton)).find((owner) => owner && owner.user !== id)
  if (other !== undefined) {
    const message = 'somebody else has this name, or one that looks like it'
    return { refused: 'name-taken', message, ...(!other.kept && { retryAfter }) }
  }
  const present = names?.get(id)
  if (present !== undefined && present !== name) {
    return { refused: 'name-taken', message: 'this name was replaced by another one' }
  }
  return undefined
}

/** Writes the names of granted claims. `known` are the rows of the same names and users. */
async function write(
  query: Query,
  claims: readonly Wanted[],
  hold: Hold,
  known: readonly NameRow[],
): Promise<void> {
  const guests = claims.filter(({ account }) => !account)
  const present = new Map(guests.map(({ id, name }) => [id, name]))
  // One row per skeleton, even if a guest claims twice or two accounts share a name: the longer time counts.
  const rows = new Map<string, Wanted>()
  for (const claim of claims) {
    for (const skeleton of claim.skeletons) {
      const { seconds = 0 } = rows.get(skeleton) ?? {}
      rows.set(skeleton, { ...claim, seconds: Math.max(seconds, claim.seconds) })
    }
  }
  const values = [...rows.values()]
  const former = known.filter(({ user, skeleton }) => present.has(user) && !rows.has(skeleton))
  if (former.length > 0) {
    // A former name stays the guest's while a gateway holds it, where the guest may still have that name.
    await query(
      `update rooms.names set name = former.present, kept = false, reserved_until = null, expires_at = case when exists (
         select 1 from rooms.name_holders holders where holders.user_id = names.user_id) then expires_at else now() end
       from unnest($1::text[], $2::text[]) as former (skeleton, present) where names.skeleton = former.skeleton`,
      [former.map(({ skeleton }) => skeleton), former.map(({ user }) => present.get(user))],
    )
  }
  await query(
    `with held as (
       insert into rooms.name_holders (gateway, user_id)
       select $6, unnest($7::text[]) where $6::text is not null on conflict do nothing
     )
     -- A name that was kept stays kept, for at least as long, when a gateway comes to hold it too.
     insert into rooms.names as mine (skeleton, name, user_id, kept, expires_at, reserved_until)
     select skeleton, name, user_id, kept, now() + seconds * interval '1 s',
       case when $8 then now() + seconds * interval '1 s' end
     from unnest($1::text[], $2::text[], $3::text[], $4::bool[], $5::int[])
       as wanted (skeleton, name, user_id, kept, seconds)
     on conflict (skeleton) do update set
       name = excluded.name,
       user_id = excluded.user_id,
       kept = excluded.kept or (mine.kept and mine.user_id = excluded.user_id and mine.expires_at > now()),
       expires_at = case when mine.user_id = excluded.user_id
         then greatest(mine.expires_at, excluded.expires_at) else excluded.expires_at end,
       reserved_until = case when mine.user_id = excluded.user_id
         then greatest(mine.reserved_until, excluded.reserved_until) else excluded.reserved_until end`,
    [
      [...rows.keys()],
      values.map(({ name }) => name),
      values.map(({ id, account }) => (account ? accounts : id)),
      values.map(({ account }) => account || typeof hold === 'string'),
      values.map(({ seconds }) => seconds),
      typeof hold === 'string' ? null : hold.gateway,
      [...present.keys()],
      hold === 'reserved',
    ],
  )
}

/** Releases the names of guests who left a gateway, unless another gateway holds them. Kept names become free later. */
async function releaseNames(query: Query, gateway: string, users: readonly string[]): Promise<void> {
  await query('delete from rooms.name_holders where gateway = $1 and user_id = any($2)', [gateway, users])
  await free(query, users)
}

/** Releases the names of a gateway whose lease has ended. */
export async function releaseGateway(query: Query, gateway: string): Promise<void> {
  await lockNames(query)
  const users = await query<{ id: string }>(
    'delete from rooms.name_holders where gateway = $1 returning user_id as id',
    [gateway],
  )
  const ids = users.map(({ id }) => id)
  if (ids.length > 0) await free(query, ids)
}

/** Gives up the names of guests. A guest still has its name while a gateway holds it. */
export async function giveUpNames(query: Query, users: readonly string[]): Promise<void> {
  await lockNames(query)
  await query('update rooms.names set kept = false, reserved_until = null where user_id = any($1)', [users])
  await free(query, users)
}

/** Deletes expired names, up to 1,000. Returns their number. */
export async function forgetNames(database: Pick<Database, 'transaction'>): Promise<number> {
  return database.transaction(async (query) => {
    await lockNames(query)
    const gone = await query<{ user: string }>(
      `delete from rooms.names where skeleton in (
         select skeleton from rooms.names where expires_at <= now() order by expires_at limit 1000
       ) returning user_id as user`,
      [],
    )
    if (gone.length > 0) {
      await query(
        `delete from rooms.name_holders holders where user_id = any($1)
         and not exists (select 1 from rooms.names where names.user_id = holders.user_id)`,
        [gone.map(({ user }) => user)],
      )
    }
    return gone.length
  })
}

/**
 * Deletes the names of users that are neither kept nor held. Kept ones become free after at most `unusedFor` seconds, or when their
 * reservation ends.
 */
async function free(query: Query, users: readonly string[]): Promise<void> {
  await query(
    `update rooms.names
     set expires_at = least(expires_at, greatest(reserved_until, now() + $2::int * interval '1 second'))
     where user_id = any($1) and kept
     and not exists (select 1 from rooms.name_holders holders where holders.user_id = names.user_id)`,
    [users, unusedFor],
  )
  await query(
    `delete from rooms.names where user_id = any($1) and not kept
     and not exists (select 1 from rooms.name_holders holders where holders.user_id = names.user_id)`,
    [users],
  )
}

/** Lets one transaction at a time change names. A transaction that also needs a lease must lock the lease first. */
export async function lockNames(query: Query): Promise<void> {
  await query(`select ${nameLock}`, [])
}

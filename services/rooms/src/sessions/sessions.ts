import { createHash, randomBytes } from 'node:crypto'
import { RabbleError, type User } from '@rabble/contract'
import { type Database, transactionWithin } from '@rabble/database'
import type { Refusal } from '../api.ts'
import { claimNames, giveUpNames, lockNames } from '../names/names.ts'
import { refusalError } from '../names/refusal-error.ts'
import { checkPolicies, putPolicy } from '../policies/policies.ts'

type Query = Database['query']

/** Lifetime (s) of a token of a session. Policies that report the end of a session are kept for longer. */
export const tokenLifetime = 12 * 60 * 60

/** Seconds within which another use of a session is not noted, since each note is a change in the database. */
const noteEvery = 60 * 60

/** Maximum number of guests' sessions over all addresses. */
const mostGuests = 1_000_000

/** Maximum number of sessions that one statement deletes. */
const batch = 1_000

const second = "interval '1 second'"

/** A session of a browser. The browser shows the secret of it in a cookie. */
export interface BrowserSession {
  /** Hash of the secret. */
  id: string
  user: User
  guest: boolean
  roles: string[]
}

interface Row {
  id: string
  user_id: string
  name: string
  guest: boolean
  roles: string[]
}

const columns = 'id, user_id, name, guest, roles'

/** Returns a new secret: 256 random bits. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Returns the id of the session of a secret. */
export function sessionId(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** Returns the session of a secret; undefined if it has ended or never was one. */
export async function findSession(query: Query, secret: string): Promise<BrowserSession | undefined> {
  const [row] = await query<Row>(
    `select ${columns} from rooms.sessions where id = $1 and expires_at > now()`,
    [sessionId(secret)],
  )
  return row === undefined ? undefined : sessionOf(row)
}

/** Whether no session has this id, or it has ended. */
export async function hasEnded(query: Query, id: string): Promise<boolean> {
  const rows = await query('select from rooms.sessions where id = $1 and expires_at > now()', [id])
  return rows.length === 0
}

/**
 * Notes that a session is used, at most once an hour: it lasts for `seconds` from now on, and so does the reservation of a guest's
 * name.
 * @throws RabbleError `name-taken` if an account has taken the name
 */
export async function noteUse(
  database: Database,
  signal: AbortSignal,
  session: BrowserSession,
  seconds: number,
): Promise<void> {
  const due = await database.query(
    `select from rooms.sessions where id = $1 and used_at < now() - $2::int * ${second}`,
    [session.id, noteEvery],
  )
  if (due.length === 0) return
  await transactionWithin(database, signal, async (query) => {
    await lockNames(query)
    const noted = await query(
      `update rooms.sessions set used_at = now(), expires_at = least(ends_at, now() + $2::int * ${second})
       where id = $1 returning id`,
      [session.id, seconds],
    )
    // A session that has just ended must not leave a name that is reserved.
    if (noted.length === 0 || !session.guest) return
    const { refusals } = await claimNames(query, [session.user], 'reserved', seconds, 0)
    if (refusals[0] !== undefined) throw refusalError(refusals[0])
  })
}

/**
 * Begins a session of a guest, whose name is reserved for as long, or gives the guest of a session another name. Beyond `most`
 * guests of one network, the session of that network that was not used for longest ends. Returns the refusal of the name, or the
 * session.
 */
export async function beginGuest(
  query: Query,
  {
    id,
    user,
    network,
    seconds,
    most,
  }: { id: string; user: User; network: string; seconds: number; most: number },
): Promise<Refusal | BrowserSession> {
  const { refusals } = await claimNames(query, [user], 'reserved', seconds, 0)
  if (refusals[0] !== undefined) return refusals[0]
  await query(
    `insert into rooms.sessions as mine (id, user_id, name, guest, network, expires_at)
     values ($1, $2, $3, true, $4, now() + $5::int * ${second})
     on conflict (id) do update set name = excluded.name, used_at = now(), expires_at = excluded.expires_at`,
    [id, user.id, user.name, network, seconds],
  )
  await endRows(
    query,
    `select id from rooms.sessions where network = $1 and guest order by used_at desc offset $2 limit ${batch}`,
    [network, most],
  )
  return { id, user, guest: true, roles: [] }
}

/** Begins a session of an account, which ends after `seconds`. */
export async function beginAccount(
  query: Query,
  { id, user, roles }: Omit<BrowserSession, 'guest'>,
  { network, seconds }: { network: string; seconds: number },
): Promise<void> {
  await query(
    `insert into rooms.sessions (id, user_id, name, guest, roles, network, expires_at, ends_at)
     values ($1, $2, $3, false, $4, $5, now() + $6::int * ${second}, now() + $6::int * ${second})`,
    [id, user.id, user.name, roles, network, seconds],
  )
}

/**
 * Ends a session: its secret and its tokens don't count any more, and a guest's name becomes free. Returns the version of the
 * policies to tell gateways after the commit; undefined if there was no such session.
 */
export async function endSession(query: Query, id: string, now: number): Promise<number | undefined> {
  const [ended] = await endRows(query, 'select $1::text as id', [id])
  if (ended === undefined) return undefined
  const key = `session:${id}`
  const policy = { kind: 'session' as const, session: id, user: ended, expiresAt: now + tokenLifetime * 1000 }
  try {
    await checkPolicies(query, [{ key, policy }])
  } catch (error) {
    // All gateways keep all policies in memory. Beyond the limit, a token counts until it expires.
    if (error instanceof RabbleError && error.code === 'too-large') return undefined
    throw error
  }
  return putPolicy(query, key, policy)
}

/** Deletes the sessions of a user, and gives up the user's names. Returns the ids of the sessions, whose policies the caller puts. */
export async function endSessionsOf(query: Query, user: string): Promise<string[]> {
  await lockNames(query)
  const rows = await query<{ id: string }>('delete from rooms.sessions where user_id = $1 returning id', [
    user,
  ])
  await giveUpNames(query, [user])
  return rows.map(({ id }) => id)
}

/** Deletes expired sessions, up to 1,000. Returns their number. Names that they reserved expire with them. */
export async function forgetSessions(database: Database): Promise<number> {
  const rows = await database.query(
    `delete from rooms.sessions where id in (
       select id from rooms.sessions where expires_at <= now() order by expires_at limit ${batch}
     ) returning id`,
    [],
  )
  return rows.length
}

/** Ends the guests' sessions that were not used for longest, if there are too many of all addresses, up to 1,000. */
export async function trimGuests(database: Database, most = mostGuests): Promise<number> {
  return database.transaction(async (query) => {
    const users = await endRows(
      query,
      `select id from rooms.sessions where guest order by used_at desc offset $1 limit ${batch}`,
      [most],
    )
    return users.length
  })
}

/** Deletes the sessions that a query selects, and gives up the names of their guests. Returns the ids of the users. */
async function endRows(query: Query, which: string, values: unknown[]): Promise<string[]> {
  // First, as wherever names and sessions change together, so that no two transactions wait for each other.
  await lockNames(query)
  const rows = await query<{ user: string; guest: boolean }>(
    `delete from rooms.sessions where id in (${which}) returning user_id as user, guest`,
    values,
  )
  const guests = rows.filter(({ guest }) => guest).map(({ user }) => user)
  if (guests.length > 0) await giveUpNames(query, guests)
  return rows.map(({ user }) => user)
}

function sessionOf({ id, user_id, name, guest, roles }: Row): BrowserSession {
  return { id, user: { id: user_id, name }, guest, roles }
}

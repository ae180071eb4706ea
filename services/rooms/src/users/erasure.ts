import { type ErasureReply, RabbleError } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { isModerator } from '@rabble/service'
import type { Erasure, ErasureProgress } from '../api.ts'
import type { Change } from '../moderation/changes.ts'
import { keepOut } from '../moderation/restrictions.ts'
import { giveUpNames } from '../names/names.ts'
import { endSessionsOf, tokenLifetime } from '../sessions/sessions.ts'

type Query = Database['query']

/** Seconds for which nobody may come in as a user who was erased: all tokens of guests and of sessions have expired then. */
const barred = 24 * 60 * 60
/** Seconds after which history looks again for events of the user that came late, until the user may come in again. */
const lookAgain = 10 * 60
/** Days for which the state of an erasure can be read. The audit keeps who asked for it for longer. */
const days = 30
/** Maximum number of erasures in one answer to history, and of rows that one statement changes. */
const page = 100
const batch = 1_000

interface Row {
  user_id: string
  requested_by: string
  requested_at: Date
  barred_until: Date
  messages: number
  reactions: number
  conversations: number
  finished_at: Date | null
}

const columns =
  'user_id, requested_by, requested_at, barred_until, messages, reactions, conversations, finished_at'

/**
 * Begins to erase a user, or returns the erasure that is under way: puts the user out of everything, ends the sessions, frees the
 * names and takes the invitations back. From then on nothing new comes from the user, and history erases what there is. `begins` may
 * throw to refuse a new one.
 */
export async function requestErasure(
  change: Change,
  user: string,
  { now, begins }: { now: number; begins: () => void },
): Promise<ErasureReply> {
  const { query, caller } = change
  await query("select pg_advisory_xact_lock(hashtextextended('rabble erasure of ' || $1, 0))", [user])
  const known = await find(query, user)
  // The user is still kept out, so there is nothing new to erase. A moderator may know better.
  const isBarred = known !== undefined && known.barred_until.getTime() > now
  if (known && (known.finished_at === null || (isBarred && !isModerator(caller)))) return replyOf(known)
  begins()
  const sessions = await endSessionsOf(query, user)
  for (const session of sessions) {
    const policy = { kind: 'session' as const, session, user, expiresAt: now + tokenLifetime * 1000 }
    change.policy({ key: `session:${session}`, policy })
  }
  await query('delete from rooms.invitations where user_id = $1', [user])
  await keepOut(change, user, barred, 'the data of this user is being erased')
  const [row] = await query<Row>(
    `insert into rooms.erasures (user_id, requested_by, barred_until)
     values ($1, $2, now() + $3::int * interval '1 second')
     on conflict (user_id) do update set requested_by = excluded.requested_by, requested_at = now(),
       barred_until = excluded.barred_until, finished_at = null, due_at = now()
     returning ${columns}`,
    [user, caller.user.id, barred],
  )
  if (row === undefined) throw new Error('an erasure was not written')
  change.record({ action: 'user.erase', user })
  return replyOf(row)
}

/** @throws RabbleError `not-found` */
export async function erasureOf(query: Query, user: string): Promise<ErasureReply> {
  const row = await find(query, user)
  if (row === undefined) throw new RabbleError('not-found', 'nobody has asked to erase this user')
  return replyOf(row)
}

async function find(query: Query, user: string): Promise<Row | undefined> {
  const [row] = await query<Row>(`select ${columns} from rooms.erasures where user_id = $1`, [user])
  return row
}

/** Returns users of whom history should look for something to erase. */
export function dueErasures(query: Query): Promise<Erasure[]> {
  return query<Erasure>(
    `select user_id as user, (extract(epoch from now() - requested_at) * 1000)::bigint as age
     from rooms.erasures where due_at <= now() order by due_at limit ${page}`,
    [],
  )
}

/** Notes what history has erased. The end comes once this service, too, has forgotten the user; see `UsersClient.erased`. */
export async function noteErased(
  query: Query,
  user: string,
  { messages, reactions, conversations, complete }: ErasureProgress & { complete: boolean },
): Promise<{ more: boolean }> {
  await query(
    `update rooms.erasures set messages = messages + $2, reactions = reactions + $3,
       conversations = conversations + $4 where user_id = $1`,
    [user, messages, reactions, conversations],
  )
  if (!complete) return { more: false }
  if (await forgetNameInAudit(query, user)) return { more: true }
  await query("update rooms.restrictions set by_name = '' where by_id = $1 and by_name <> ''", [user])
  // A gateway that knew nothing of the erasure yet may have claimed the name again.
  await giveUpNames(query, [user])
  await query(
    `update rooms.erasures set finished_at = coalesce(finished_at, now()),
       due_at = case when barred_until > now()
         then least(now() + $2::int * interval '1 second', barred_until + interval '1 minute') end
     where user_id = $1`,
    [user, lookAgain],
  )
  return { more: false }
}

/** Leaves the id in entries of the audit, and takes names and addresses out of a part of them. Returns whether there may be more. */
async function forgetNameInAudit(query: Query, user: string): Promise<boolean> {
  const acted = await query(
    `update rooms.audit set actor_name = '' where id in (
       select id from rooms.audit where actor_id = $1 and actor_name <> '' limit ${batch}
     ) returning 1`,
    [user],
  )
  const refused = await query(
    `update rooms.audit set detail = null where id in (
       select id from rooms.audit where actor_id = $1 and action = 'login.refused' and detail is not null limit ${batch}
     ) returning 1`,
    [user],
  )
  return acted.length === batch || refused.length === batch
}

/** Deletes the states of erasures that ended long ago, up to 1,000. Returns their number. */
export async function forgetErasures(database: Pick<Database, 'query'>): Promise<number> {
  const rows = await database.query(
    `delete from rooms.erasures where user_id in (
       select user_id from rooms.erasures
       where due_at is null and finished_at < now() - $1::int * interval '1 day' limit ${batch}
     ) returning 1`,
    [days],
  )
  return rows.length
}

function replyOf(row: Row): ErasureReply {
  return {
    user: row.user_id,
    state: row.finished_at === null ? 'running' : 'done',
    requestedBy: row.requested_by,
    requestedAt: row.requested_at.toISOString(),
    barredUntil: row.barred_until.toISOString(),
    messages: row.messages,
    reactions: row.reactions,
    conversations: row.conversations,
    ...(row.finished_at !== null && { finishedAt: row.finished_at.toISOString() }),
    remains,
  }
}

/** Sentences for the user on data that an erasure can't reach. */
const remains = [
  'the log has the texts and names until its retention ends',
  'backups have them for as long as they are kept',
  'receivers of webhooks, and programs that follow events, keep what they got',
  'messages of others may quote, mention or address this user',
  'the id stays with deleted messages, with rooms that the user owns, and in the audit',
]

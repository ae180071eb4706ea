import { randomBytes } from 'node:crypto'
import type { Clock } from '@rabble/clock'
import {
  type DeleteEvent,
  erasedUserName,
  type LogEvent,
  type MembershipEvent,
  type ReactionEvent,
  roomKind,
} from '@rabble/contract'
import { deleteId, reactionId } from '@rabble/contract/ids'
import type { Database } from '@rabble/database'
import type { EventLog } from '@rabble/event-log'
import type { ErasureProgress } from '@rabble/rooms/client'
import { forgetAuthor, forgetInLines } from '../messages/forget-name.ts'
import { sentBy } from '../messages/sent.ts'
import { endSubscriptionsOf } from '../push/subscriptions.ts'
import { forgetReports } from '../reports/reports.ts'
import { fromSender } from '../search/search-document.ts'
import { restored, storable } from '../text/storable.ts'

/** Maximum number of events that are published at once, and the pause (ms) after them: users and the log come first. */
const atOnce = 100
const pause = 200
/** Maximum number of conversations and reactions in memory. */
const rowsAtOnce = 500
/** Pause (ms) between two looks whether history has stored what was published, and the time (ms) after which it should have. */
const look = 100
const patience = 60_000
/** Gateway of the events, for readers of the log. */
const via = 'history'

export interface EraseParts {
  clock: Clock
  database: Database
  log: Pick<EventLog, 'publish'>
  /** Reports what was erased. */
  report(progress: ErasureProgress): Promise<void>
  /** Aborts when the work must end. */
  signal: AbortSignal
}

const none: ErasureProgress = { messages: 0, reactions: 0, conversations: 0 }

/**
 * Goes through all that is stored of a user once, and erases it by events of the log, as the user's own deletions: so gateways,
 * clients, webhooks and history see it in one order. Returns how much it found. A pass that was interrupted is simply repeated: what is
 * erased is not found again, and an event that stands in the log twice counts once.
 * @throws the error of the database or the log; the reason of `signal` once it aborts
 */
export async function erasePass(parts: EraseParts, user: string): Promise<number> {
  await endSubscriptionsOf(parts.database, user)
  await forgetReports(parts.database, user)
  for (const table of ['privacy', 'seen']) {
    await parts.database.query(`delete from history.${table} where user_id = $1`, [storable(user)])
  }
  return (
    (await eraseMessages(parts, user)) +
    (await eraseReactions(parts, user)) +
    (await eraseConversations(parts, user))
  )
}

async function eraseMessages(parts: EraseParts, user: string): Promise<number> {
  const { database, clock } = parts
  let found = 0
  for await (const rows of sentBy(database, user, fromSender(storable(user)), (work) => work())) {
    await forgetAuthor(database, user, rows)
    const ids = rows.filter(({ deleted }) => deleted === null).map(({ id }) => id)
    const events = rows
      .filter(({ deleted }) => deleted === null)
      .map(({ id, room }): DeleteEvent => {
        const [of, message] = [restored(room), restored(id)]
        const at = new Date(clock.now()).toISOString()
        const from = { id: user, name: erasedUserName }
        return { type: 'delete', room: of, id: deleteId(of, message), message, from, at, via }
      })
    await publish(parts, events)
    await stored(parts, 'select count(*) from history.messages where id = any($1) and deleted is null', ids)
    if (events.length > 0) await parts.report({ ...none, messages: events.length })
    found += events.length
  }
  return found
}

/** Takes back all reactions of the user, and forgets the name in those that the user had taken back before. */
async function eraseReactions(parts: EraseParts, user: string): Promise<number> {
  const { database, clock, signal } = parts
  let found = 0
  for (let after = { message: '', emoji: '' }; ; ) {
    signal.throwIfAborted()
    const rows = await database.query<{ message: string; emoji: string; room: string; revision: number }>(
      `select message, emoji, room, revision from history.reactions join history.messages on id = message
       where user_id = $1 and (message, emoji) > ($2, $3) order by message, emoji limit $4`,
      [storable(user), after.message, after.emoji, rowsAtOnce],
    )
    const last = rows.at(-1)
    if (last === undefined) return found
    after = last
    const present = rows.filter(({ revision }) => revision % 2 === 1)
    const events = present.map((row): ReactionEvent => {
      const [room, message, emoji] = [restored(row.room), restored(row.message), restored(row.emoji)]
      const revision = row.revision + 1
      return {
        type: 'reaction',
        room,
        id: reactionId(user, room, message, emoji, revision),
        message,
        from: { id: user, name: erasedUserName },
        at: new Date(clock.now()).toISOString(),
        via,
        emoji,
        remove: true,
        revision,
      }
    })
    await publish(parts, events)
    await stored(
      parts,
      `select count(*) from history.reactions join unnest($2::text[], $3::text[]) as asked (message, emoji)
         using (message, emoji) where user_id = $1 and revision % 2 = 1`,
      storable(user),
      present.map(({ message }) => message),
      present.map(({ emoji }) => emoji),
    )
    await forgetInLines(
      database,
      user,
      rows.map(({ message }) => message),
    )
    if (events.length > 0) await parts.report({ ...none, reactions: events.length })
    found += events.length
  }
}

/**
 * Ends all memberships and direct conversations of the user, with read positions, mutes and mentions. Returns the number of
 * memberships: others can begin direct conversations with the user at any time, and no pass must wait for them to stop.
 */
async function eraseConversations(parts: EraseParts, user: string): Promise<number> {
  const { database, clock, signal } = parts
  for (let found = 0; ; ) {
    signal.throwIfAborted()
    const rows = await database.query<{ room: string }>(
      'select room from history.conversations where user_id = $1 limit $2',
      [storable(user), rowsAtOnce],
    )
    if (rows.length === 0) return found
    // Gateways remember memberships. Direct conversations have no event that ends them, and nobody remembers those.
    const events = rows
      .map(({ room }) => restored(room))
      .filter((room) => roomKind(room)?.kind === 'room')
      .map((room): MembershipEvent => {
        const id = randomBytes(16).toString('base64url')
        return {
          type: 'membership',
          room,
          user,
          member: false,
          id,
          at: new Date(clock.now()).toISOString(),
          via,
        }
      })
    await publish(parts, events)
    const rooms = rows.map(({ room }) => room)
    await database.query('delete from history.mentions where user_id = $1 and room = any($2)', [
      storable(user),
      rooms,
    ])
    await database.query('delete from history.conversations where user_id = $1 and room = any($2)', [
      storable(user),
      rooms,
    ])
    await parts.report({ ...none, conversations: rows.length })
    found += events.length
  }
}

async function publish({ log, clock, signal }: EraseParts, events: readonly LogEvent[]): Promise<void> {
  for (let first = 0; first < events.length; first += atOnce) {
    signal.throwIfAborted()
    await Promise.all(events.slice(first, first + atOnce).map((event) => log.publish(event)))
    await clock.sleep(pause, { signal })
  }
}

/** Waits until a query counts nothing any more. `values` are its parameters, the last of which lists what it counts. */
async function stored(
  { clock, database, signal }: EraseParts,
  sql: string,
  ...values: unknown[]
): Promise<void> {
  const list = values.at(-1)
  if (Array.isArray(list) && list.length === 0) return
  const since = clock.monotonic()
  for (;;) {
    signal.throwIfAborted()
    const [row] = await database.query<{ count: number }>(sql, values)
    if ((row?.count ?? 0) === 0) return
    if (clock.monotonic() - since > patience) throw new Error('history does not follow the log')
    await clock.sleep(look, { signal })
  }
}

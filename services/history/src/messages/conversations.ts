import { type ConversationsReply, RabbleError, roomKind } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { restored, storable } from '../text/storable.ts'
import { type StoredMessage, toLine } from './row.ts'
import { throughOf } from './through.ts'

/** Maximum number of mentions that are counted in one conversation. */
const maxMentions = 1_000

interface Row extends StoredMessage {
  user_id: string
  conversation: string
  order_at: string
  count: number
  unread: number
  mentions: number
  read_id: string | null
  muted: boolean
  version: number
}

/** State of a room, as all its members see it. */
export interface RoomState {
  room: string
  count: number
  last: string
  version: number
}

/** State of a conversation of one user, as JSON; null if the user is not in it. */
export interface OwnState {
  user: string
  room: string
  version: number
  json: string | null
}

export interface ConversationStates {
  /** Offsets of the log, by partition, up to which the states are complete; null if nothing of the partition is stored yet. */
  through: (number | null)[]
  rooms: RoomState[]
  own: OwnState[]
}

/** Columns of a conversation. `picked` has the users and rooms, and one statement sees one state of all tables. */
const states = `select picked.user_id, picked.room as conversation, read_id, muted, order_at::text, coalesce(rooms.count, 0) as count,
    greatest(0, coalesce(rooms.count, 0) - greatest(read_ordinal, rooms.retired)) as unread,
    coalesce(positions.sequence, 0) as version, (
      select count(*) from (select from history.mentions where mentions.user_id in (picked.user_id, '@room')
        and mentions.room = picked.room and mentions.sequence > read_sequence limit ${maxMentions}) as counted
    ) as mentions, messages.*
  from picked left join history.rooms using (room) left join history.positions using (partition)
  left join lateral (
    select id, room, sender_id, sender_name, text, at, via, cid, reply_to, meta, edited, deleted, reactions, extra
    from history.messages where messages.id = rooms.last_id
  ) messages on true`

/** Maximum number of rooms and conversations in one question. */
export const maxStates = 1_000

/** Returns those of some rooms that a user may read now. Of the others, states have no message. */
export type Readable = (user: string, rooms: readonly string[]) => Promise<ReadonlySet<string>>

/**
 * Returns a page of a user's conversations, newest first, as JSON of a `ConversationsReply`.
 * @throws RabbleError `bad-frame` if `after` is no cursor
 */
export async function conversationsOf(
  database: Database,
  query: { user: string; limit: number; after?: string | undefined; readable: Readable },
): Promise<string> {
  const { user, limit, after } = query
  const cursor = after === undefined ? [] : cursorOf(after)
  const rows = await database.query<Row>(
    `with picked as (
       select user_id, room, read_id, read_ordinal, read_sequence, muted, greatest(last_at, since) as order_at
       from history.conversations left join history.rooms using (room)
       where user_id = $1 ${after === undefined ? '' : 'and (greatest(last_at, since), room) < ($3::timestamptz, $4)'}
       order by order_at desc, room desc limit $2
     ) ${states} order by order_at desc, conversation desc`,
    [storable(user), limit + 1, ...cursor],
  )
  const names = rows.slice(0, limit).map((row) => restored(row.conversation))
  const readable = await query.readable(user, names)
  const page = rows.slice(0, limit).map((row) => jsonOf(row, readable))
  const last = rows.length > limit ? rows[limit - 1] : undefined
  const next: Pick<ConversationsReply, 'next'> = last === undefined ? {} : { next: cursorAt(last) }
  return `{"conversations":[${page.join(',')}]${JSON.stringify(next).replace('{', next.next ? ',' : '')}`
}

/** Returns the names of a user's rooms, those with the newest messages first; no direct conversations. */
export async function membershipsOf(database: Database, user: string, limit: number): Promise<string[]> {
  const rows = await database.query<{ room: string }>(
    `select room from history.conversations left join history.rooms using (room)
     where user_id = $1 and not (room >= 'dm:' and room < 'dm;') order by greatest(last_at, since) desc, room desc limit $2`,
    [storable(user), limit],
  )
  return rows.map(({ room }) => restored(room))
}

/** Returns the present states of rooms and of conversations. Rooms without messages are left out. */
export async function statesOf(
  database: Database,
  partitions: number,
  asked: { rooms: readonly string[]; own: readonly { user: string; room: string }[]; readable: Readable },
): Promise<ConversationStates> {
  // Read first, so that the offsets are never ahead of the states.
  const through = await throughOf(database, partitions)
  const rooms = asked.rooms.length === 0 ? [] : await roomStates(database, asked.rooms)
  if (asked.own.length === 0) return { through, rooms, own: [] }
  const users = asked.own.map(({ user }) => storable(user))
  const names = asked.own.map(({ room }) => storable(room))
  const rows = await database.query<Row>(
    `with picked as (
       select user_id, room, read_id, read_ordinal, read_sequence, muted, since as order_at
       from unnest($1::text[], $2::text[]) as asked (user_id, room) left join history.conversations using (user_id, room)
     ) ${states}`,
    [users, names],
  )
  const byUser = new Map<string, string[]>()
  for (const { user, room } of asked.own) byUser.set(user, [...(byUser.get(user) ?? []), room])
  const readable = new Map<string, ReadonlySet<string>>()
  for (const [user, rooms] of byUser) readable.set(user, await asked.readable(user, rooms))
  const own = rows.map(
    (row): OwnState => ({
      user: restored(row.user_id),
      room: restored(row.conversation),
      version: row.version,
      // The columns of a conversation that isn't there are null.
      json: row.muted === null ? null : jsonOf(row, readable.get(restored(row.user_id))),
    }),
  )
  return { through, rooms, own }
}

async function roomStates(database: Database, names: readonly string[]): Promise<RoomState[]> {
  const rows = await database.query<RoomState>(
    `select room, count, rooms.last_id as last, positions.sequence as version
     from history.rooms join history.positions using (partition) where room = any($1) and rooms.last_id is not null`,
    [names.map(storable)],
  )
  return rows.map(({ room, last, ...state }) => ({ ...state, room: restored(room), last: restored(last) }))
}

/** Returns a `ConversationState`. The message is JSON already. */
function jsonOf(row: Row, readable: ReadonlySet<string> | undefined): string {
  const room = restored(row.conversation)
  const user = restored(row.user_id)
  const kind = roomKind(room)
  const peer = kind?.kind === 'direct' ? (kind.users.find((other) => other !== user) ?? user) : undefined
  const { unread, mentions, read_id, muted, count, version } = row
  const message = row.id === null || !readable?.has(room) ? '' : `"lastMessage":${toLine(row)},`
  const head = JSON.stringify({ room, ...(peer !== undefined && { peer }) }).slice(0, -1)
  const readUpTo = read_id === null ? {} : { readUpTo: restored(read_id) }
  return `${head},${message}${JSON.stringify({ unread, mentions, ...readUpTo, muted, count, version }).slice(1)}`
}

function cursorAt({ order_at, conversation }: Row): string {
  return Buffer.from(JSON.stringify([order_at, conversation])).toString('base64url')
}

function cursorOf(text: string): [string, string] {
  try {
    const [at, room, ...rest]: unknown[] = JSON.parse(Buffer.from(text, 'base64url').toString())
    const isTime =
      typeof at === 'string' &&
      /^(-infinity|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?)$/.test(at)
    if (isTime && typeof room === 'string' && storable(room) === room && rest.length === 0) return [at, room]
  } catch {}
  throw new RabbleError('bad-frame', 'after must be the value of next of another page')
}

import { type MessageEvent, type PersonalEvent, roomKind } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { isPlainTime } from '../messages/row.ts'
import { storable } from '../text/storable.ts'

/** Maximum number of rooms that a user is a member of; others are entered without becoming one. */
export const maxConversations = 10_000
/** User of the mentions of all members of a room. */
const all = '@room'

/** A message or an event of a user, and its sequence. */
export type Placed<Event extends MessageEvent | PersonalEvent> = { event: Event; sequence: number }

/** A room, as its row has it. Strings are as they are stored. */
export interface RoomRow {
  room: string
  count: number
  last_id: string | null
  last_sequence: number
  /** Undefined: unchanged. */
  last_at: string | null | undefined
}

interface Conversation {
  user_id: string
  room: string
  /** Undefined: unchanged. */
  since?: string
  read_id: string | null
  read_ordinal: number
  read_sequence: number
  muted: boolean
}

interface Mention {
  user_id: string
  room: string
  sequence: number
  message: string
}

/** A message to which a read position may move. */
interface Target {
  id: string
  room: string
  sequence: number
  ordinal: number | null
}

/** Returns the rooms of some events, by their stored names. A room without a row gets its newest message from before. */
export async function loadRooms(
  query: Database['query'],
  names: ReadonlySet<string>,
): Promise<Map<string, RoomRow>> {
  const asked = [...names]
  const rows = await query<RoomRow>(
    'select room, count, last_id, last_sequence from history.rooms where room = any($1)',
    [asked],
  )
  const rooms = new Map(rows.map((row) => [row.room, row]))
  const missing = asked.filter((room) => !rooms.has(room))
  if (missing.length === 0) return rooms
  const found = await query<RoomRow>(
    `select asked.room, 0 as count, id as last_id, coalesce(sequence, 0) as last_sequence, at as last_at
     from unnest($1::text[]) as asked (room)
     left join lateral (select id, sequence, at from history.messages where messages.room = asked.room
       order by sequence desc limit 1) newest on true`,
    [missing],
  )
  for (const row of found) rooms.set(row.room, row)
  return rooms
}

/** Gives each message the next ordinal of its room. Messages must be in the order of the log. */
export function numberMessages(
  rooms: ReadonlyMap<string, RoomRow>,
  rows: readonly { room: string; id: string; sequence: number; at: string | null }[],
): number[] {
  return rows.map(({ room, id, sequence, at }) => {
    const row = rooms.get(room)
    if (row === undefined) throw new Error('the room was not loaded')
    Object.assign(row, { count: row.count + 1, last_id: id, last_sequence: sequence, last_at: at })
    return row.count
  })
}

/** Writes new rooms, and those that `numberMessages` has changed. */
export async function writeRooms(
  query: Database['query'],
  partition: number,
  rooms: ReadonlyMap<string, RoomRow>,
): Promise<void> {
  const changed = [...rooms.values()].filter(({ last_at }) => last_at !== undefined)
  if (changed.length === 0) return
  await query(
    `insert into history.rooms (room, partition, count, last_id, last_sequence, last_at)
     select room, $1, count, last_id, last_sequence, coalesce(last_at, '-infinity')
     from json_to_recordset($2::json) as rows (room text, count bigint, last_id text, last_sequence bigint,
       last_at timestamptz)
     on conflict (room) do update set count = excluded.count, last_id = excluded.last_id,
       last_sequence = excluded.last_sequence, last_at = excluded.last_at`,
    [partition, JSON.stringify(changed)],
  )
}

/** Message with its place in the room. */
export type Numbered = Placed<MessageEvent> & { ordinal: number }

/**
 * Applies messages and events of users, in the order of the log, to the conversations that they concern. The messages are stored
 * already; `before` holds their rooms as they were before them.
 */
export async function foldConversations(
  query: Database['query'],
  entries: readonly (Numbered | Placed<PersonalEvent>)[],
  before: ReadonlyMap<string, RoomRow>,
): Promise<void> {
  const rooms = new Map(before)
  const keys = new Set(entries.flatMap(({ event }) => usersOf(event).map((user) => keyOf(user, event.room))))
  const known = await loadConversations(query, keys)
  const conversations = new Map<string, Conversation | undefined>(known)
  const changedKeys = new Set<string>()
  const targets = await loadTargets(query, entries)
  const places = await loadPlaces(query, entries, known)
  const mentions: Mention[] = []

  function set(key: string, conversation: Conversation | undefined): void {
    conversations.set(key, conversation)
    changedKeys.add(key)
  }

  function read(key: string, { id, sequence, ordinal }: Omit<Target, 'room'>): void {
    const own = conversations.get(key)
    if (own === undefined || sequence <= own.read_sequence) return
    const read_ordinal = Math.max(own.read_ordinal, ordinal ?? 0)
    set(key, { ...own, read_id: id, read_ordinal, read_sequence: sequence })
  }

  function say({ event, sequence, ordinal }: Numbered): void {
    const { from, at, mentions: named = [] } = event
    const room = storable(event.room)
    const id = storable(event.id)
    const before = {
      since: storableTime(at),
      read_id: null,
      read_ordinal: ordinal - 1,
      read_sequence: sequence - 1,
    }
    for (const user of directUsers(event.room)) {
      const key = keyOf(user, event.room)
      if (conversations.get(key) === undefined) set(key, { user_id: user, room, ...before, muted: false })
    }
    const users = named.includes(all) ? [all] : new Set(named.map(storable))
    for (const user of users) {
      const isMember = user === all || conversations.get(keyOf(user, event.room)) !== undefined
      if (isMember && user !== storable(from.id))
        mentions.push({ user_id: user, room, sequence, message: id })
    }
    read(keyOf(from.id, event.room), { id, sequence, ordinal })
    rooms.set(room, { room, count: ordinal, last_id: id, last_sequence: sequence, last_at: undefined })
  }

  function belong({ event, sequence }: Placed<PersonalEvent> & { event: { type: 'membership' } }): void {
    if (roomKind(event.room)?.kind !== 'room') return
    const key = keyOf(event.user, event.room)
    const isMember = conversations.get(key) !== undefined
    if (isMember === event.member) return
    const user = storable(event.user)
    const free = places.get(user) ?? maxConversations
    if (event.member && free <= 0) return
    places.set(user, event.member ? free - 1 : free + 1)
    if (!event.member) {
      set(key, undefined)
      return
    }
    const room = storable(event.room)
    const { count = 0, last_id = null } = rooms.get(room) ?? {}
    const position = { read_id: last_id, read_ordinal: count, read_sequence: sequence }
    set(key, { user_id: user, room, since: storableTime(event.at), ...position, muted: false })
  }

  for (const entry of entries) {
    const { event } = entry
    const key = event.type === 'message' ? '' : keyOf(event.user, event.room)
    switch (event.type) {
      case 'message':
        say(entry as Numbered)
        break
      case 'membership':
        belong({ event, sequence: entry.sequence })
        break
      case 'read': {
        const target = targets.get(storable(event.upTo))
        // In separate steps, a message that follows in the log would not be there yet.
        const isBefore = target !== undefined && target.sequence < entry.sequence
        if (isBefore && target.room === storable(event.room)) read(key, target)
        break
      }
      case 'mute': {
        const own = conversations.get(key)
        if (own !== undefined && own.muted !== event.muted) set(key, { ...own, muted: event.muted })
        break
      }
      default:
        event satisfies never
    }
  }
  await write(query, { known, conversations, changedKeys, mentions })
}

/** Returns the users whose conversations an event may change, as they are stored. */
function usersOf(event: MessageEvent | PersonalEvent): string[] {
  if (event.type !== 'message') return [event.user]
  return [event.from.id, ...(event.mentions ?? []), ...directUsers(event.room)]
}

function directUsers(room: string): readonly string[] {
  if (!room.startsWith('dm:')) return []
  const kind = roomKind(room)
  return kind?.kind === 'direct' ? kind.users : []
}

function storableTime(at: string): string {
  return isPlainTime(at) ? at : '-infinity'
}

/** Key of a conversation: no stored string has a NUL. */
function keyOf(user: string, room: string): string {
  return `${storable(user)}\0${storable(room)}`
}

async function loadConversations(
  query: Database['query'],
  keys: ReadonlySet<string>,
): Promise<Map<string, Conversation>> {
  const pairs = [...keys].map((key) => key.split('\0'))
  const rows = await query<Conversation>(
    `select user_id, room, read_id, read_ordinal, read_sequence, muted
     from unnest($1::text[], $2::text[]) as asked (user_id, room) join history.conversations using (user_id, room)`,
    [pairs.map(([user]) => user), pairs.map(([, room]) => room)],
  )
  return new Map(rows.map((row) => [`${row.user_id}\0${row.room}`, row]))
}

async function loadTargets(
  query: Database['query'],
  entries: readonly Placed<MessageEvent | PersonalEvent>[],
): Promise<Map<string, Target>> {
  const ids = entries.flatMap(({ event }) => (event.type === 'read' ? storable(event.upTo) : []))
  if (ids.length === 0) return new Map()
  const rows = await query<Target>(
    'select id, room, sequence, ordinal from history.messages where id = any($1)',
    [[...new Set(ids)]],
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/** Returns the number of rooms of which users can still become members, for those who enter one. */
async function loadPlaces(
  query: Database['query'],
  entries: readonly Placed<MessageEvent | PersonalEvent>[],
  known: ReadonlyMap<string, Conversation>,
): Promise<Map<string, number>> {
  const users = entries.flatMap(({ event }) =>
    event.type === 'membership' && event.member && !known.has(keyOf(event.user, event.room))
      ? storable(event.user)
      : [],
  )
  if (users.length === 0) return new Map()
  const rows = await query<{ user_id: string; count: number }>(
    'select user_id, count(*) from history.conversations where user_id = any($1) group by user_id',
    [[...new Set(users)]],
  )
  return new Map(rows.map(({ user_id, count }) => [user_id, maxConversations - count]))
}

async function write(
  query: Database['query'],
  result: {
    known: ReadonlyMap<string, Conversation>
    conversations: ReadonlyMap<string, Conversation | undefined>
    changedKeys: ReadonlySet<string>
    mentions: readonly Mention[]
  },
): Promise<void> {
  const { known, conversations, changedKeys, mentions } = result
  const changed = [...changedKeys].flatMap((key) => conversations.get(key) ?? [])
  const left = [...changedKeys].flatMap((key) =>
    conversations.get(key) === undefined ? (known.get(key) ?? []) : [],
  )
  if (changed.length > 0) {
    await query(
      `insert into history.conversations (user_id, room, since, read_id, read_ordinal, read_sequence, muted)
       select user_id, room, coalesce(since, 'infinity'), read_id, read_ordinal, read_sequence, muted
       from json_to_recordset($1::json) as rows (user_id text, room text, since timestamptz, read_id text,
         read_ordinal bigint, read_sequence bigint, muted boolean)
       on conflict (user_id, room) do update set read_id = excluded.read_id, read_ordinal = excluded.read_ordinal,
         read_sequence = excluded.read_sequence, muted = excluded.muted, touched_at = now(),
         since = case excluded.since when 'infinity' then conversations.since else excluded.since end`,
      [JSON.stringify(changed)],
    )
  }
  if (left.length > 0) {
    await query(
      `delete from history.conversations using unnest($1::text[], $2::text[]) as gone (user_id, room)
       where (conversations.user_id, conversations.room) = (gone.user_id, gone.room)`,
      [left.map(({ user_id }) => user_id), left.map(({ room }) => room)],
    )
  }
  const unread = mentions.filter(({ user_id, room, sequence }) => {
    if (user_id === all) return true
    const own = conversations.get(`${user_id}\0${room}`)
    return own !== undefined && own.read_sequence < sequence
  })
  const moved = [
    ...changed.filter((own) => known.get(`${own.user_id}\0${own.room}`)?.read_sequence !== own.read_sequence),
    ...left.map((own) => ({ ...own, read_sequence: Number.MAX_SAFE_INTEGER })),
  ]
  if (moved.length > 0) {
    await query(
      `delete from history.mentions using unnest($1::text[], $2::text[], $3::bigint[]) as seen (user_id, room, until)
       where (mentions.user_id, mentions.room) = (seen.user_id, seen.room) and sequence <= until`,
      [
        moved.map(({ user_id }) => user_id),
        moved.map(({ room }) => room),
        moved.map((own) => own.read_sequence),
      ],
    )
  }
  if (unread.length === 0) return
  await query(
    `insert into history.mentions (user_id, room, sequence, message)
     select * from json_to_recordset($1::json) as rows (user_id text, room text, sequence bigint, message text)`,
    [JSON.stringify(unread)],
  )
}

import type { Member, User } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { Count } from '../api.ts'

/** Changes in a room: users who joined, users who left, and the new count. */
export interface RoomChange extends Count {
  joined: Member[]
  left: User[]
  /** Whether the change is announced by messages. */
  announce: boolean
}

interface Row {
  room: string
  users: number
  version: number
}

/**
 * Locks the counts of rooms, and with them the rooms' seats, until the transaction ends. To avoid deadlocks, every transaction
 * does this once, for all its rooms in the order of their names. `missing` are those that may have no count yet.
 * @throws Error with the code of a serialisation failure if a count was forgotten meanwhile. Another attempt in this transaction would
 * add the count while others are locked, out of order.
 */
export async function lockCounts(
  query: Database['query'],
  rooms: readonly string[],
  missing = rooms,
): Promise<Map<string, Count>> {
  if (missing.length > 0) {
    await query(
      `insert into rooms.presence (room, users) select room, 0 from unnest($1::text[]) as wanted (room)
       order by room collate "C" on conflict do nothing`,
      [missing],
    )
  }
  const rows = await query<Row>(
    'select room, users, version from rooms.presence where room = any($1) order by room for update',
    [rooms],
  )
  if (rows.length < rooms.length)
    throw Object.assign(new Error('the count of a room was forgotten meanwhile'), { code: '40001' })
  return new Map(rows.map((row) => [row.room, countOf(row)]))
}

/**
 * Writes the counts of rooms that have changed. Returns them with their new versions. `beside` are further changes, as the head
 * of a statement (`with …`) whose parameters begin with $3.
 */
export async function writeCounts(
  query: Database['query'],
  counts: ReadonlyMap<string, number>,
  beside: { with: string; params: readonly unknown[] } = { with: '', params: [] },
): Promise<Map<string, Count>> {
  if (counts.size === 0 && beside.with === '') return new Map()
  const rows = await query<Row>(
    `${beside.with} update rooms.presence as presence
     set users = changed.users, version = nextval('rooms.presence_versions'), changed = pg_current_xact_id()
     from unnest($1::text[], $2::int[]) as changed (room, users)
     where presence.room = changed.room
     returning presence.room, presence.users, presence.version`,
    [[...counts.keys()], [...counts.values()], ...beside.params],
  )
  return new Map(rows.map((row) => [row.room, countOf(row)]))
}

/** Maximum number of counts in an answer: more than one transaction changes, so that each answer makes progress. */
const countsAtOnce = 5000

/**
 * Returns the counts of a gateway's rooms that others may have changed since a moment, and the moment for the next call.
 * Transactions that were under way at that moment count as later. So some counts are returned twice, but none is missed.
 * @param since from an earlier answer or from `renewLease`; undefined: the beginning
 * @param seen a moment before this call
 */
export async function changedCounts(
  query: Database['query'],
  gateway: string,
  since: string | undefined,
  seen: string,
): Promise<{ counts: Count[]; seen: string }> {
  const rows = await query<Row & { changed: string }>(
    `select room, users, version, changed::text from rooms.presence
     where changed >= $2::xid8
       and exists (select from rooms.seats where seats.gateway = $1 and seats.room = presence.room)
     order by presence.changed limit $3`,
    [gateway, since ?? '0', countsAtOnce],
  )
  const last = rows.length < countsAtOnce ? undefined : rows.at(-1)
  return { counts: rows.map(countOf), seen: last?.changed ?? seen }
}

/** Forgets the counts of empty rooms. Their next versions will be higher nevertheless. Returns how many were forgotten. */
export async function forgetEmpty(query: Database['query'], limit: number): Promise<number> {
  const rows = await query(
    `delete from rooms.presence where room in (
       select room from rooms.presence where users = 0 order by room limit $1 for update skip locked
     ) returning 1`,
    [limit],
  )
  return rows.length
}

function countOf({ room, users, version }: Row): Count {
  return { room, count: users, version }
}

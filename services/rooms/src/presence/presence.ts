import type { User } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { Count } from '../api.ts'

/** What has changed in a room: who came, who went, and how many there are now. */
export interface RoomChange extends Count {
  joined: User[]
  left: User[]
  /** Whether that is told as messages. */
  announce: boolean
}

interface Row {
  room: string
  users: number
  version: number
}

/**
 * Locks the counts of rooms until the transaction ends, and with them the rooms' seats. Every transaction does this once,
 * for all its rooms, in the order of their names: so none waits for another that waits for it.
 */
export async function lockCounts(
  query: Database['query'],
  rooms: readonly string[],
): Promise<Map<string, Count>> {
  for (let attempt = 0; attempt < 5; attempt++) {
    await query(
      `insert into rooms.presence (room, users) select room, 0 from unnest($1::text[]) as wanted (room)
       order by room collate "C" on conflict do nothing`,
      [rooms],
    )
    const rows = await query<Row>(
      'select room, users, version from rooms.presence where room = any($1) order by room for update',
      [rooms],
    )
    // Fewer if one was forgotten between the two statements.
    if (rows.length === rooms.length) return new Map(rows.map((row) => [row.room, countOf(row)]))
  }
  // As the database says it when it gives up for such a reason: the whole transaction may be tried again.
  throw Object.assign(new Error('rooms are forgotten as fast as they appear'), { code: '40001' })
}

/** Writes the counts of rooms that have changed, and gives the new versions. */
export async function writeCounts(
  query: Database['query'],
  counts: ReadonlyMap<string, number>,
): Promise<Map<string, Count>> {
  if (counts.size === 0) return new Map()
  const rows = await query<Row>(
    `update rooms.presence as presence
     set users = changed.users, version = nextval('rooms.presence_versions'), changed = pg_current_xact_id()
     from unnest($1::text[], $2::int[]) as changed (room, users)
     where presence.room = changed.room
     returning presence.room, presence.users, presence.version`,
    [[...counts.keys()], [...counts.values()]],
  )
  return new Map(rows.map((row) => [row.room, countOf(row)]))
}

/** More than one transaction changes, so that each answer gets further than the last. */
const countsAtOnce = 5000

/**
 * The counts of a gateway's rooms that others may have changed since a moment, and the moment to ask for next. Transactions
 * that were under way at that moment count as later, so some are told twice, and none is left out.
 * @param since as an earlier answer, or `renewLease`, called it; undefined is the beginning
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

/** Forgets rooms in which nobody is. Their next versions will be higher all the same. */
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

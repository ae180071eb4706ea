import type { Database } from '@rabble/database'

/** A room, as its row has it. Strings are as they are stored. */
export interface RoomRow {
  room: string
  count: number
  last_id: string | null
  last_sequence: number
  /** Undefined: unchanged. */
  last_at: string | null | undefined
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

import { RabbleError, type RoomReply } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { RoomPolicy, RoomRetention } from '../api.ts'
import { skeletonsOf } from '../names/skeleton.ts'
import { lookAlikesAmong } from './room-looks.ts'
import { foldedOf } from './room-search.ts'

/** A row of rooms.rooms, without columns that nobody reads. */
export interface RoomRow {
  name: string
  topic: string
  capacity: number | null
  access: 'open' | 'invite'
  single: boolean
  announce: boolean
  receipts: boolean
  mention_all: boolean
  retention_age: number | null
  retention_messages: number | null
  created_by: string | null
  created_at: Date
}

export const roomColumns =
  'name, topic, capacity, access, single, announce, receipts, mention_all, retention_age, retention_messages, created_by, created_at'

/** One day in milliseconds. */
export const day = 24 * 60 * 60 * 1000

/** Returns what clients see of a room with `count` users. */
export function roomReplyOf(row: RoomRow, count: number): RoomReply {
  const { maxAge, maxMessages } = retentionOf(row)
  const retention = {
    ...(maxAge !== undefined && { days: maxAge / day }),
    ...(maxMessages !== undefined && { messages: maxMessages }),
  }
  return {
    name: row.name,
    topic: row.topic,
    access: row.access,
    ...(row.capacity !== null && { capacity: row.capacity }),
    single: row.single,
    announce: row.announce,
    receipts: row.receipts,
    mentionAll: row.mention_all,
    ...(Object.keys(retention).length > 0 && { retention }),
    count,
    ...(row.created_by !== null && { createdBy: row.created_by }),
    createdAt: row.created_at.toISOString(),
  }
}

export function retentionOf(row: Pick<RoomRow, 'retention_age' | 'retention_messages'>): RoomRetention {
  return {
    ...(row.retention_age !== null && { maxAge: row.retention_age }),
    ...(row.retention_messages !== null && { maxMessages: row.retention_messages }),
  }
}

/** Returns the policy of a room; null if it has no restrictions. */
export function policyOf(room: RoomRow): RoomPolicy | null {
  const { name, capacity, access, single, receipts, mention_all } = room
  if (capacity === null && access === 'open' && !single && receipts && !mention_all) return null
  return {
    kind: 'room',
    room: name,
    ...(capacity !== null && { capacity }),
    ...(access === 'invite' && { inviteOnly: true }),
    ...(single && { single: true }),
    ...(!receipts && { receipts: false }),
    ...(mention_all && { mentionAll: true }),
  }
}

/**
 * Returns a room, locked until the transaction ends: `update` to change it, `share` to rely on it.
 * @throws RabbleError `room-not-found`
 */
export async function lockRoom(
  query: Database['query'],
  name: string,
  lock: 'update' | 'share',
): Promise<RoomRow> {
  const [row] = await query<RoomRow>(`select ${roomColumns} from rooms.rooms where name = $1 for ${lock}`, [
    name,
  ])
  if (row === undefined) throw new RabbleError('room-not-found', 'there is no such room')
  return row
}

/**
 * Creates the missing rooms for users who join them. Returns those not created because they look like others. A room marked as
 * empty loses the mark, and can't be forgotten until the transaction ends. Rooms in daily use are only read.
 * @param known the existing rooms, and whether each is marked as empty
 */
export async function letRoomsAppear(
  query: Database['query'],
  names: readonly string[],
  known: ReadonlyMap<string, boolean>,
): Promise<ReadonlySet<string>> {
  const alike = await lookAlikesAmong(
    query,
    names.filter((name) => !known.has(name)),
  )
  const changed = names.filter((name) => known.get(name) !== false && !alike.has(name)).sort()
  if (changed.length === 0) return alike
  const rows = changed.map((name) => ({ name, folded: foldedOf(name, ''), skeletons: skeletonsOf(name) }))
  await query(
    `insert into rooms.rooms (name, folded, skeletons)
     select name, folded, skeletons from json_to_recordset($1::json) as wanted (name text, folded text, skeletons text[])
     order by name collate "C"
     on conflict (name) do update set empty_since = null where rooms.empty_since is not null`,
    [JSON.stringify(rows)],
  )
  return alike
}

import { maxReceipts, type Receipt, userRoom } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { partitionOf } from '@rabble/event-log'
import { restored, storable } from '../text/storable.ts'
import { throughOf } from './through.ts'

/** Read positions that a gateway asks for. */
export interface ReceiptsQuery {
  /** Rooms, each with the users who are asked about. Absent: all of its members. */
  rooms: readonly { room: string; users?: readonly string[] }[]
  /** Users whose own choices are asked for. */
  users: readonly string[]
}

/** Read positions in a room of those who show theirs. */
export interface RoomReceipts {
  room: string
  /** Grows with each change in the partition of the room. */
  version: number
  /** Whether the room has so many members that nobody sees them. There are no receipts then. */
  large: boolean
  receipts: Receipt[]
}

/** Choices of a user, as of a version of the partition of the user's choices. */
export interface UserPrivacy {
  user: string
  version: number
  receipts: boolean
  presence: boolean
}

export interface ReceiptStates {
  /** Offsets of the log, by partition, up to which the states are complete; null if nothing of the partition is stored yet. */
  through: (number | null)[]
  rooms: RoomReceipts[]
  users: UserPrivacy[]
}

/** Maximum number of rooms in one question, of users in one room of it, and of users whose choices are asked for. */
export const maxReceiptRooms = 1_000
export const maxReceiptUsers = 1_000

/** Returns the present read positions in rooms, and the choices of users. A room counts at most one member more than are shown. */
export async function receiptsOf(
  database: Database,
  partitions: number,
  asked: ReceiptsQuery,
): Promise<ReceiptStates> {
  // Read first, so that the offsets are never ahead of the states.
  const through = await throughOf(database, partitions)
  const rooms = asked.rooms.length === 0 ? [] : await roomsOf(database, partitions, asked.rooms)
  const users = asked.users.length === 0 ? [] : await privacyOf(database, partitions, asked.users)
  return { through, rooms, users }
}

async function roomsOf(
  { query }: Pick<Database, 'query'>,
  partitions: number,
  asked: ReceiptsQuery['rooms'],
): Promise<RoomReceipts[]> {
  const questions = asked.map(({ room, users }) => ({
    room: storable(room),
    partition: partitionOf(room, partitions),
    users: users?.map(storable) ?? null,
  }))
  const rows = await query<{
    room: string
    version: number
    large: boolean
    user_id: string | null
    read_id: string | null
  }>(
    `select asked.room, coalesce(positions.sequence, 0) as version, members.count > $2::int as large, user_id, read_id
     from json_to_recordset($1::json) as asked (room text, partition smallint, users text[])
     left join history.positions using (partition)
     cross join lateral (
       select count(*) from (select from history.conversations where conversations.room = asked.room limit $2::int + 1) as counted
     ) as members
     left join lateral (
       select user_id, read_id from history.conversations
       where conversations.room = asked.room and members.count <= $2::int
         and (asked.users is null or conversations.user_id = any(asked.users))
         and not exists (select from history.privacy where privacy.user_id = conversations.user_id and not receipts)
     ) as shown on true`,
    [JSON.stringify(questions), maxReceipts],
  )
  const rooms = new Map<string, RoomReceipts>()
  for (const { room, version, large, user_id, read_id } of rows) {
    const found = rooms.get(room) ?? { room: restored(room), version, large, receipts: [] }
    rooms.set(room, found)
    if (user_id === null) continue
    found.receipts.push({ user: restored(user_id), ...(read_id !== null && { upTo: restored(read_id) }) })
  }
  return [...rooms.values()]
}

async function privacyOf(
  { query }: Pick<Database, 'query'>,
  partitions: number,
  users: readonly string[],
): Promise<UserPrivacy[]> {
  const rows = await query<UserPrivacy>(
    `select asked.user, coalesce(positions.sequence, 0) as version, coalesce(privacy.receipts, true) as receipts,
       coalesce(privacy.presence, true) as presence
     from unnest($1::text[], $2::smallint[]) as asked ("user", partition)
     left join history.positions using (partition) left join history.privacy on user_id = asked.user`,
    [users.map(storable), users.map((user) => partitionOf(userRoom(user), partitions))],
  )
  return rows.map(({ user, ...choices }) => ({ ...choices, user: restored(user) }))
}

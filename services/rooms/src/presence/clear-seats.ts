import type { User } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { lockCounts, type RoomChange, writeCounts } from './presence.ts'

/** Maximum number of seats removed in one transaction. */
const atOnce = 1000

/**
 * Removes seats of a gateway whose lease has ended, as many as one transaction may. `done`: none is left. The caller has locked
 * the lease, so nobody else changes these seats.
 */
export async function clearSeats(
  query: Database['query'],
  gateway: string,
): Promise<{ seats: number; changes: RoomChange[]; done: boolean }> {
  const seats = await query<{ room: string; id: string; name: string }>(
    `select room, user_id as id, user_name as name from rooms.seats where gateway = $1
     order by room, user_id limit $2`,
    [gateway, atOnce],
  )
  if (seats.length === 0) return { seats: 0, changes: [], done: true }
  const rooms = [...new Set(seats.map(({ room }) => room))]
  const counts = await lockCounts(query, rooms)
  const pairs = [seats.map(({ room }) => room), seats.map(({ id }) => id)]
  await query(
    `delete from rooms.seats using unnest($1::text[], $2::text[]) as gone (room, user_id)
     where seats.room = gone.room and seats.user_id = gone.user_id and seats.gateway = $3`,
    [...pairs, gateway],
  )
  // A user who is also there through another gateway has not left.
  const stay = await query<{ room: string; id: string }>(
    `select seats.room, seats.user_id as id
     from rooms.seats join unnest($1::text[], $2::text[]) as gone (room, user_id) using (room, user_id)`,
    pairs,
  )
  const staying = new Set(stay.map(({ room, id }) => `${room}\0${id}`))
  const left = new Map<string, User[]>()
  for (const { room, id, name } of seats) {
    if (staying.has(`${room}\0${id}`)) continue
    left.set(room, [...(left.get(room) ?? []), { id, name }])
  }
  const written = await writeCounts(
    query,
    new Map([...left].map(([room, users]) => [room, (counts.get(room)?.count ?? 0) - users.length])),
  )
  const announced = await query<{ name: string }>(
    'select name from rooms.rooms where announce and name = any($1)',
    [[...left.keys()]],
  )
  const announcing = new Set(announced.map(({ name }) => name))
  const changes = [...written.values()].map((count) => ({
    ...count,
    joined: [],
    left: left.get(count.room) ?? [],
    announce: announcing.has(count.room),
  }))
  return { seats: seats.length, changes, done: seats.length < atOnce }
}

import type { User } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { Refusal, Seat, SeatRelease, SeatRequest } from '../api.ts'
import { lockCounts, type RoomChange, writeCounts } from '../presence/presence.ts'
import { lookAlike } from '../rooms/room-looks.ts'
import { letRoomsAppear } from '../rooms/room-rows.ts'
import type { Admit } from './appearing-rooms.ts'
import { holdLease } from './leases.ts'
import type { RequestPlace } from './request-order.ts'

export interface SeatBatch {
  take: readonly SeatRequest[]
  give: readonly SeatRelease[]
}

export interface SeatResult {
  /** Answers to `take`, in its order. */
  answers: (Seat | Refusal)[]
  changes: RoomChange[]
}

/**
 * Gives back and takes seats within the caller's transaction, in about ten statements however many seats there are. The seats
 * of these rooms stay locked meanwhile, so that decisions still hold when they are written. Rooms that do not exist appear if
 * `admit` lets them. Without `admit`, none appears.
 */
export async function changeSeats(
  query: Database['query'],
  gateway: string,
  place: RequestPlace,
  { take, give }: SeatBatch,
  admit: Admit | undefined,
): Promise<SeatResult | 'ended' | 'overtaken'> {
  const held = await holdLease(query, gateway, place)
  if (held !== 'held') return held
  const pairs = [
    ...give.map(({ room, user }) => ({ room, user })),
    ...take.map(({ room, user }) => ({ room, user: user.id })),
  ]
  const refused = admit === undefined ? new Map<SeatRequest, Refusal>() : await appear(query, take, admit)
  const counts = await lockCounts(query, [...new Set(pairs.map(({ room }) => room))])
  const rooms = await readRooms(query, [...counts.keys()])
  const isBanned = await readBans(query, take)
  const isInvited = await readInvitations(
    query,
    take.filter(({ room }) => rooms.get(room)?.access === 'invite'),
  )
  const seats = await readSeats(query, pairs)

  const plan = createPlan()
  const countIn = (room: string) => plan.counts.get(room) ?? counts.get(room)?.count ?? 0

  for (const { room, user } of give) {
    const { own, elsewhere } = seats(room, user, gateway)
    if (own === undefined) continue
    plan.given.push({ room, user })
    if (!elsewhere) plan.leave(room, { id: user, name: own }, countIn(room))
  }

  function refusal(request: SeatRequest, elsewhere: boolean): Refusal | undefined {
    const { room, user, moderator } = request
    const settings = rooms.get(room)
    if (settings === undefined) {
      return refused.get(request) ?? { refused: 'room-not-found', message: 'there is no such room' }
    }
    if (isBanned(room, user.id)) return { refused: 'forbidden', message: 'you may not enter this room' }
    const welcome =
      settings.access === 'open' ||
      moderator === true ||
      settings.createdBy === user.id ||
      isInvited(room, user.id)
    if (!welcome) return { refused: 'forbidden', message: 'this room is for those who are invited' }
    if (elsewhere && settings.single) {
      return { refused: 'already-joined', message: 'you are in this room with another session' }
    }
    if (!elsewhere && countIn(room) >= (settings.capacity ?? Number.POSITIVE_INFINITY)) {
      return { refused: 'room-full', message: 'the room is full' }
    }
    return undefined
  }

  const refusals = take.map((request) => {
    const { room, user } = request
    const { own, elsewhere } = seats(room, user.id, gateway)
    // Taken already, by a call whose answer was lost.
    if (own === user.name) return undefined
    const refused = own === undefined ? refusal(request, elsewhere) : undefined
    if (refused !== undefined) return refused
    plan.taken.push(request)
    if (own === undefined && !elsewhere) plan.enter(room, user, countIn(room))
    return undefined
  })

  await deleteSeats(query, gateway, plan.given)
  await insertSeats(query, gateway, plan.taken)
  const written = await writeCounts(query, plan.counts)
  return {
    answers: take.map(({ room }, index) => {
      const refused = refusals[index]
      if (refused !== undefined) return refused
      const { count, version } = written.get(room) ?? counts.get(room) ?? { count: 0, version: 0 }
      const capacity = rooms.get(room)?.capacity
      return { count, version, ...(capacity !== undefined && { capacity }) }
    }),
    changes: [...written.values()].map((count) => ({
      ...count,
      joined: plan.joined.get(count.room) ?? [],
      left: plan.left.get(count.room) ?? [],
      announce: rooms.get(count.room)?.announce ?? false,
    })),
  }
}

/** Lets missing rooms appear. Returns the refusals, by request. */
async function appear(
  query: Database['query'],
  take: readonly SeatRequest[],
  admit: Admit,
): Promise<Map<SeatRequest, Refusal>> {
  const wanted = new Set(take.map(({ room }) => room))
  const rows = await query<{ name: string }>('select name from rooms.rooms where name = any($1)', [
    [...wanted],
  ])
  const there = new Set(rows.map(({ name }) => name))
  const refused = new Map<SeatRequest, Refusal>()
  for (const request of take) {
    if (there.has(request.room)) continue
    const refusal = admit(request)
    if (refusal === undefined) there.add(request.room)
    else refused.set(request, refusal)
  }
  const alike = await letRoomsAppear(query, [...there])
  for (const request of take) {
    if (alike.has(request.room)) refused.set(request, { refused: 'room-exists', message: lookAlike })
  }
  return refused
}

/** Collects the changes to be written. */
function createPlan() {
  const given: SeatRelease[] = []
  const taken: SeatRequest[] = []
  const counts = new Map<string, number>()
  const joined = new Map<string, User[]>()
  const left = new Map<string, User[]>()

  function add(list: Map<string, User[]>, room: string, user: User): void {
    const users = list.get(room)
    if (users === undefined) list.set(room, [user])
    else users.push(user)
  }

  return {
    given,
    taken,
    counts,
    joined,
    left,
    leave(room: string, user: User, count: number): void {
      counts.set(room, count - 1)
      add(left, room, user)
    },
    enter(room: string, user: User, count: number): void {
      counts.set(room, count + 1)
      add(joined, room, user)
    },
  }
}

interface RoomSettings {
  capacity: number | undefined
  access: 'open' | 'invite'
  single: boolean
  announce: boolean
  createdBy: string | null
}

async function readRooms(
  query: Database['query'],
  names: readonly string[],
): Promise<Map<string, RoomSettings>> {
  const rows = await query<{ name: string; capacity: number | null } & Omit<RoomSettings, 'capacity'>>(
    `select name, capacity, access, single, announce, created_by as "createdBy"
     from rooms.rooms where name = any($1)`,
    [names],
  )
  return new Map(
    rows.map(({ name, capacity, ...settings }) => [name, { ...settings, capacity: capacity ?? undefined }]),
  )
}

async function readBans(
  query: Database['query'],
  take: readonly SeatRequest[],
): Promise<(room: string, user: string) => boolean> {
  if (take.length === 0) return () => false
  const rows = await query<{ user: string; room: string | null }>(
    `select user_id as user, room from rooms.restrictions
     where kind = 'ban' and user_id = any($1) and (room is null or room = any($2))
       and (expires_at is null or expires_at > now())`,
    [[...new Set(take.map(({ user }) => user.id))], [...new Set(take.map(({ room }) => room))]],
  )
  const banned = new Set(rows.map(({ user, room }) => `${room ?? ''}\0${user}`))
  return (room, user) => banned.has(`\0${user}`) || banned.has(`${room}\0${user}`)
}

async function readInvitations(
  query: Database['query'],
  take: readonly SeatRequest[],
): Promise<(room: string, user: string) => boolean> {
  if (take.length === 0) return () => false
  const rows = await query<{ room: string; user: string }>(
    `select room, user_id as user
     from rooms.invitations join unnest($1::text[], $2::text[]) as wanted (room, user_id) using (room, user_id)`,
    [take.map(({ room }) => room), take.map(({ user }) => user.id)],
  )
  const invited = new Set(rows.map(({ room, user }) => `${room}\0${user}`))
  return (room, user) => invited.has(`${room}\0${user}`)
}

/** Returns the user's name at the seat through this gateway, if there is one, and whether there is a seat through another. */
type FindSeats = (
  room: string,
  user: string,
  gateway: string,
) => { own: string | undefined; elsewhere: boolean }

async function readSeats(query: Database['query'], pairs: readonly SeatRelease[]): Promise<FindSeats> {
  const rows = await query<{ room: string; user: string; gateway: string; name: string }>(
    `select room, user_id as user, gateway, user_name as name
     from rooms.seats join unnest($1::text[], $2::text[]) as wanted (room, user_id) using (room, user_id)`,
    [pairs.map(({ room }) => room), pairs.map(({ user }) => user)],
  )
  const seats = new Map<string, Map<string, string>>()
  for (const { room, user, gateway, name } of rows) {
    const key = `${room}\0${user}`
    const known = seats.get(key) ?? new Map<string, string>()
    seats.set(key, known.set(gateway, name))
  }
  return (room, user, gateway) => {
    const found = seats.get(`${room}\0${user}`)
    const own = found?.get(gateway)
    return { own, elsewhere: (found?.size ?? 0) > (own === undefined ? 0 : 1) }
  }
}

async function deleteSeats(
  query: Database['query'],
  gateway: string,
  given: readonly SeatRelease[],
): Promise<void> {
  if (given.length === 0) return
  await query(
    `delete from rooms.seats using unnest($1::text[], $2::text[]) as given (room, user_id)
     where seats.room = given.room and seats.user_id = given.user_id and seats.gateway = $3`,
    [given.map(({ room }) => room), given.map(({ user }) => user), gateway],
  )
}

async function insertSeats(
  query: Database['query'],
  gateway: string,
  taken: readonly SeatRequest[],
): Promise<void> {
  if (taken.length === 0) return
  await query(
    `insert into rooms.seats (room, user_id, user_name, gateway)
     select room, user_id, user_name, $4 from unnest($1::text[], $2::text[], $3::text[]) as taken (room, user_id, user_name)
     on conflict (room, user_id, gateway) do update set user_name = excluded.user_name`,
    [
      taken.map(({ room }) => room),
      taken.map(({ user }) => user.id),
      taken.map(({ user }) => user.name),
      gateway,
    ],
  )
}

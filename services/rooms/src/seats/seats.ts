import type { Member, User } from '@rabble/contract'
import type { Database } from '@rabble/database'
import type { Count, Refusal, Seat, SeatRelease, SeatRequest } from '../api.ts'
import { memberOf } from '../presence/members.ts'
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
 * Gives back and takes seats within the caller's transaction, in a handful of statements however many seats there are. The seats
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
  const names = [...new Set(pairs.map(({ room }) => room))]
  const wanted = await lookForRooms(query, names)
  const refused =
    admit === undefined ? new Map<SeatRequest, Refusal>() : await appear(query, take, wanted, admit)
  const uncounted = wanted.filter(({ counted }) => !counted).map(({ room }) => room)
  const counts = await lockCounts(query, names, uncounted)
  const { rooms, isBanned, isInvited, seats } = await readFacts(query, take, pairs, names)

  const plan = createPlan()
  const countIn = (room: string) => plan.counts.get(room) ?? counts.get(room)?.count ?? 0

  for (const { room, user } of give) {
    const { own, elsewhere } = seats(room, user, gateway)
    if (own === undefined) continue
    plan.given.push({ room, user })
    if (!elsewhere) plan.leave(room, { id: user, name: own.name }, countIn(room))
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
    const { room, user, moderator = false } = request
    const { own, elsewhere } = seats(room, user.id, gateway)
    // Taken already, by a call whose answer was lost.
    if (own?.name === user.name && own.moderator === moderator) return undefined
    const refused = own === undefined ? refusal(request, elsewhere) : undefined
    if (refused !== undefined) return refused
    plan.taken.push(request)
    if (own === undefined && !elsewhere) {
      const isOwner = rooms.get(room)?.createdBy === user.id
      plan.enter(room, memberOf(user, { isOwner, moderator }), countIn(room))
    }
    return undefined
  })

  const written = await writeSeats(query, gateway, plan)
  return {
    answers: take.map(({ room, user }, index) => {
      const refused = refusals[index]
      if (refused !== undefined) return refused
      const { count, version } = written.get(room) ?? counts.get(room) ?? { count: 0, version: 0 }
      const capacity = rooms.get(room)?.capacity ?? undefined
      const isOwner = rooms.get(room)?.createdBy === user.id
      return {
        count,
        version,
        ...(capacity !== undefined && { capacity }),
        ...(isOwner && { owner: true as const }),
      }
    }),
    changes: [...written.values()].map((count) => ({
      ...count,
      joined: plan.joined.get(count.room) ?? [],
      left: plan.left.get(count.room) ?? [],
      announce: rooms.get(count.room)?.announce ?? false,
    })),
  }
}

/** A room of a batch, before it is locked. */
interface WantedRoom {
  room: string
  /** Whether it exists. */
  there: boolean
  /** Whether it is marked as empty. */
  empty: boolean
  /** Whether it has a count. */
  counted: boolean
}

function lookForRooms(query: Database['query'], rooms: readonly string[]): Promise<WantedRoom[]> {
  return query(
    `select wanted.room, rooms.name is not null as there, rooms.empty_since is not null as empty,
       presence.room is not null as counted
     from unnest($1::text[]) as wanted (room)
       left join rooms.rooms on rooms.name = wanted.room left join rooms.presence on presence.room = wanted.room`,
    [rooms],
  )
}

/** Lets missing rooms appear. Returns the refusals, by request. */
async function appear(
  query: Database['query'],
  take: readonly SeatRequest[],
  rooms: readonly WantedRoom[],
  admit: Admit,
): Promise<Map<SeatRequest, Refusal>> {
  const known = new Map(rooms.filter(({ there }) => there).map(({ room, empty }) => [room, empty]))
  const appearing = new Set<string>()
  const refused = new Map<SeatRequest, Refusal>()
  for (const request of take) {
    const { room } = request
    const refusal = known.has(room) || appearing.has(room) ? undefined : admit(request)
    if (refusal === undefined) appearing.add(room)
    else refused.set(request, refusal)
  }
  const alike = await letRoomsAppear(query, [...appearing], known)
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
  const joined = new Map<string, Member[]>()
  const left = new Map<string, User[]>()

  function add<One extends User>(list: Map<string, One[]>, room: string, user: One): void {
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
    enter(room: string, user: Member, count: number): void {
      counts.set(room, count + 1)
      add(joined, room, user)
    },
  }
}

interface RoomSettings {
  name: string
  capacity: number | null
  access: 'open' | 'invite'
  single: boolean
  announce: boolean
  createdBy: string | null
}

/** Facts that decide about seats. */
interface Facts {
  rooms: ReadonlyMap<string, RoomSettings>
  isBanned(room: string, user: string): boolean
  isInvited(room: string, user: string): boolean
  /** Returns the user's seat through this gateway, if there is one, and whether there is a seat through another. */
  seats(room: string, user: string, gateway: string): { own: KnownSeat | undefined; elsewhere: boolean }
}

interface KnownSeat {
  /** Name of the user. */
  name: string
  moderator: boolean
}

/** Reads all facts in one statement. Its lists are JSON, and null if they are empty. */
async function readFacts(
  query: Database['query'],
  take: readonly SeatRequest[],
  pairs: readonly SeatRelease[],
  rooms: readonly string[],
): Promise<Facts> {
  const [lists] = await query<{
    rooms: RoomSettings[] | null
    bans: { user: string; room: string | null }[] | null
    invitations: { room: string; user: string }[] | null
    seats: (KnownSeat & { room: string; user: string; gateway: string })[] | null
  }>(
    `select (select json_agg(found) from (
         select name, capacity, access, single, announce, created_by as "createdBy"
         from rooms.rooms where name = any($5)) found) as rooms,
       (select json_agg(found) from (
         select user_id as user, room from rooms.restrictions
         where kind = 'ban' and user_id = any($2) and (room is null or room = any($5))
           and (expires_at is null or expires_at > now())) found) as bans,
       (select json_agg(found) from (
         select room, user_id as user
         from rooms.invitations join unnest($1::text[], $2::text[]) as wanted (room, user_id) using (room, user_id)
       ) found) as invitations,
       (select json_agg(found) from (
         select room, user_id as user, gateway, user_name as name, moderator
         from rooms.seats join unnest($3::text[], $4::text[]) as wanted (room, user_id) using (room, user_id)
       ) found) as seats`,
    [
      take.map(({ room }) => room),
      take.map(({ user }) => user.id),
      pairs.map(({ room }) => room),
      pairs.map(({ user }) => user),
      rooms,
    ],
  )
  const banned = new Set(lists?.bans?.map(({ room, user }) => `${room ?? ''}\0${user}`))
  const invited = new Set(lists?.invitations?.map(({ room, user }) => `${room}\0${user}`))
  const seats = new Map<string, Map<string, KnownSeat>>()
  for (const { room, user, gateway, ...seat } of lists?.seats ?? []) {
    const key = `${room}\0${user}`
    const known = seats.get(key) ?? new Map<string, KnownSeat>()
    seats.set(key, known.set(gateway, seat))
  }
  return {
    rooms: new Map(lists?.rooms?.map((room) => [room.name, room])),
    isBanned: (room, user) => banned.has(`\0${user}`) || banned.has(`${room}\0${user}`),
    isInvited: (room, user) => invited.has(`${room}\0${user}`),
    seats(room, user, gateway) {
      const found = seats.get(`${room}\0${user}`)
      const own = found?.get(gateway)
      return { own, elsewhere: (found?.size ?? 0) > (own === undefined ? 0 : 1) }
    },
  }
}

/** Writes seats and counts in one statement. Its parts change different rows, since a batch names each seat once. */
async function writeSeats(
  query: Database['query'],
  gateway: string,
  { given, taken, counts }: ReturnType<typeof createPlan>,
): Promise<Map<string, Count>> {
  if (given.length === 0 && taken.length === 0) return new Map()
  return writeCounts(query, counts, {
    with: `with given as (
       delete from rooms.seats using unnest($4::text[], $5::text[]) as given (room, user_id)
       where seats.room = given.room and seats.user_id = given.user_id and seats.gateway = $3
     ), taken as (
       insert into rooms.seats (room, user_id, user_name, moderator, gateway)
       select room, user_id, user_name, moderator, $3
       from unnest($6::text[], $7::text[], $8::text[], $9::boolean[]) as taken (room, user_id, user_name, moderator)
       on conflict (room, user_id, gateway)
         do update set user_name = excluded.user_name, moderator = excluded.moderator
     )`,
    params: [
      gateway,
      given.map(({ room }) => room),
      given.map(({ user }) => user),
      taken.map(({ room }) => room),
      taken.map(({ user }) => user.id),
      taken.map(({ user }) => user.name),
      taken.map(({ moderator = false }) => moderator),
    ],
  })
}

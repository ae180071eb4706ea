import type { Member, PresenceSignal, User } from '@rabble/contract'
import type { Count, Refusal, RoomPolicy, Seat, SeatRelease, SeatRequest } from '@rabble/rooms/client'

/** The seats of a rooms service, in memory. */
export interface FakeSeats {
  /** Takes and gives back seats of a gateway. The answers are those to `take`, in its order. */
  change(
    gateway: string,
    batch: { take: readonly SeatRequest[]; give: readonly SeatRelease[] },
  ): (Seat | Refusal)[]
  /** Takes all seats of a gateway away. */
  drop(gateway: string): void
  /** Returns the users in a room, each once, with their roles. */
  usersIn(room: string): Member[]
  /** Returns the counts of the rooms in which a gateway has seats. */
  countsOf(gateway: string): Count[]
}

export interface FakeSeatsOptions {
  rulesOf(room: string): RoomPolicy | undefined
  /** Ids of owners, by room. */
  owners: ReadonlyMap<string, string>
  isBanned(user: string, room: string): boolean
  /** Tells gateways about a room that has changed. */
  tell(signal: PresenceSignal): void
}

export function createFakeSeats({ rulesOf, owners, isBanned, tell }: FakeSeatsOptions): FakeSeats {
  /** By room and id of the user: the user, and whether it is a moderator at each of the gateways through which it is there. */
  const rooms = new Map<string, Map<string, { user: User; gateways: Map<string, boolean> }>>()
  const versions = new Map<string, number>()

  const seatsIn = (room: string) =>
    rooms.get(room) ?? new Map<string, { user: User; gateways: Map<string, boolean> }>()
  const countOf = (room: string): Count => ({
    room,
    count: seatsIn(room).size,
    version: versions.get(room) ?? 0,
  })

  function memberOf(room: string, user: User, isModerator: boolean): Member {
    if (owners.get(room) === user.id) return { ...user, role: 'owner' }
    return isModerator ? { ...user, role: 'moderator' } : user
  }

  /** Collects the changes of one call, which are sent together. */
  function createChanges() {
    const changes = new Map<string, { joined: Member[]; left: User[] }>()
    function of(room: string) {
      const change = changes.get(room) ?? { joined: [], left: [] }
      changes.set(room, change)
      return change
    }
    return {
      joined: (room: string, user: Member) => of(room).joined.push(user),
      left: (room: string, user: User) => of(room).left.push(user),
      tell() {
        for (const [room, { joined, left }] of changes) {
          versions.set(room, (versions.get(room) ?? 0) + 1)
          const { count, version } = countOf(room)
          const most = count > 100 ? 20 : 100
          const names = { joined: joined.slice(0, most), left: left.slice(0, most) }
          tell({ type: 'presence', room, ...names, count, version })
        }
      },
    }
  }
  type Changes = ReturnType<typeof createChanges>

  function give(gateway: string, room: string, id: string, changes: Changes): void {
    const seats = seatsIn(room)
    const seat = seats.get(id)
    if (!seat?.gateways.delete(gateway) || seat.gateways.size > 0) return
    seats.delete(id)
    changes.left(room, seat.user)
  }

  function refusalOf({ room, user, moderator }: SeatRequest, elsewhere: boolean): Refusal | undefined {
    const { inviteOnly, single, capacity = Number.POSITIVE_INFINITY } = rulesOf(room) ?? {}
    if (isBanned(user.id, room)) return { refused: 'forbidden', message: 'you may not enter this room' }
    if (inviteOnly && !moderator)
      return { refused: 'forbidden', message: 'this room is for those who are invited' }
    if (elsewhere && single)
      return { refused: 'already-joined', message: 'you are in this room with another session' }
    if (!elsewhere && seatsIn(room).size >= capacity)
      return { refused: 'room-full', message: 'the room is full' }
    return undefined
  }

  /** Takes a seat. Returns the refusal if that is not possible. */
  function take(gateway: string, request: SeatRequest, changes: Changes): Refusal | undefined {
    const { room, user, moderator = false } = request
    const seat = seatsIn(room).get(user.id)
    if (seat?.gateways.has(gateway)) {
      seat.gateways.set(gateway, moderator)
      return undefined
    }
    const refusal = refusalOf(request, seat !== undefined)
    if (refusal !== undefined) return refusal
    if (seat === undefined) {
      rooms.set(room, seatsIn(room).set(user.id, { user, gateways: new Map([[gateway, moderator]]) }))
      changes.joined(room, memberOf(room, user, moderator))
    } else seat.gateways.set(gateway, moderator)
    return undefined
  }

  return {
    change(gateway, batch) {
      const changes = createChanges()
      for (const { room, user } of batch.give) give(gateway, room, user, changes)
      const refusals = batch.take.map((request) => take(gateway, request, changes))
      changes.tell()
      return batch.take.map(({ room, user }, index) => {
        const { count, version } = countOf(room)
        const capacity = rulesOf(room)?.capacity
        const seat = { count, version, ...(capacity !== undefined && { capacity }) }
        const isOwner = owners.get(room) === user.id
        return refusals[index] ?? { ...seat, ...(isOwner && { owner: true as const }) }
      })
    },
    drop(gateway) {
      const changes = createChanges()
      for (const [room, seats] of rooms) for (const id of [...seats.keys()]) give(gateway, room, id, changes)
      changes.tell()
    },
    usersIn: (room) =>
      [...seatsIn(room).values()].map(({ user, gateways }) =>
        memberOf(room, user, [...gateways.values()].includes(true)),
      ),
    countsOf(gateway) {
      const own = [...rooms].filter(([, seats]) =>
        [...seats.values()].some(({ gateways }) => gateways.has(gateway)),
      )
      return own.map(([room]) => countOf(room))
    },
  }
}

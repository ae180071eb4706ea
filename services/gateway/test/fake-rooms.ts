import type { PresenceSignal, User } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import type {
  AuditEntry,
  ClaimedName,
  NameClaim,
  Policy,
  Refusal,
  RoomPolicy,
  RoomsClient,
  Seat,
  SeatRequest,
} from '@rabble/rooms/client'
import type { Tokens } from '@rabble/service'

/** The rooms service in memory, for several gateways of one test, which can be told to fail. */
export interface FakeRooms extends RoomsClient {
  /** While true, every call fails. */
  down: boolean
  /** While true, every copy of the policies is too old. */
  forgetful: boolean
  /** While true, what it tells gateways gets lost. */
  silent: boolean
  /** Calls of this name that are made from now on get no answer until what is returned is called; with an error, they fail. */
  hold(call: 'seats' | 'names' | 'renew' | 'policies'): (error?: Error) => void
  /** Ends all leases, or that of one gateway, with all that belongs to them. */
  expire(gateway?: string): void
  /** Sets or removes a policy, and tells the gateways. */
  put(key: string, policy: Policy | null): void
  /** The users in a room. */
  seated(room: string): string[]
  /** The users' ids by the names that are held; for those of accounts, an empty one. */
  readonly held: ReadonlyMap<string, string>
  /** Every call of `seats`: how many it took and gave. */
  readonly batches: { take: number; give: number }[]
  readonly audited: AuditEntry[]
}

export function createFakeRooms(log: Pick<EventLog, 'signal'>, tokens: Pick<Tokens, 'signGuest'>): FakeRooms {
  const leases = new Set<string>()
  /** Room, user and gateway. */
  let seats: { room: string; user: User; gateway: string }[] = []
  const versions = new Map<string, number>()
  const policies = new Map<string, { version: number; policy: Policy | null }>()
  const held = new Map<string, string>()
  const holders = new Map<string, string>()
  const holds = new Map<string, Promise<void>>()
  let version = 0
  let guests = 0

  const usersIn = (room: string) => [
    ...new Set(seats.filter((seat) => seat.room === room).map(({ user }) => user.id)),
  ]

  async function answer<T>(call: string, work: () => T | Promise<T>): Promise<T> {
    await new Promise(setImmediate)
    await holds.get(call)
    if (fake.down) throw new Error('the rooms service is down')
    return work()
  }

  function change(room: string, { joined = [], left = [] }: { joined?: User[]; left?: User[] }): void {
    versions.set(room, (versions.get(room) ?? 0) + 1)
    const counts = { count: usersIn(room).length, version: versions.get(room) ?? 0 }
    const signal: PresenceSignal = { type: 'presence', room, joined, left, ...counts }
    if (!fake.silent) log.signal(signal)
  }

  function give(gateway: string, room: string, id: string): void {
    const seat = seats.find((one) => one.room === room && one.user.id === id && one.gateway === gateway)
    seats = seats.filter((one) => one !== seat)
    if (seat !== undefined && !usersIn(room).includes(id)) change(room, { left: [seat.user] })
  }

  function rules(room: string): RoomPolicy | undefined {
    for (const { policy } of policies.values()) {
      if (policy?.kind === 'room' && policy.room === room) return policy
    }
    return undefined
  }

  function take(gateway: string, { room, user }: SeatRequest): Seat | Refusal {
    const policy = rules(room)
    const users = usersIn(room)
    const own = seats.some(
      (seat) => seat.room === room && seat.user.id === user.id && seat.gateway === gateway,
    )
    if (!own && !users.includes(user.id)) {
      if (policy?.inviteOnly)
        return { refused: 'forbidden', message: 'this room is for those who are invited' }
      if (users.length >= (policy?.capacity ?? Number.POSITIVE_INFINITY))
        return { refused: 'room-full', message: 'every seat of the room is taken' }
    }
    if (!own) seats.push({ room, user, gateway })
    if (!users.includes(user.id)) change(room, { joined: [user] })
    const capacity = policy?.capacity
    return {
      count: usersIn(room).length,
      version: versions.get(room) ?? 0,
      ...(capacity !== undefined && { capacity }),
    }
  }

  async function claim(gateway: string, { name, user, account }: NameClaim): Promise<ClaimedName | Refusal> {
    const holder = held.get(name.toLowerCase())
    if (user !== undefined && account !== undefined) {
      if (holder) log.signal({ type: 'kick', user: holder, message: 'this name belongs to an account' })
      held.set(name.toLowerCase(), '')
      return { user: { id: user, name }, expiresAt: account }
    }
    if (holder !== undefined && holder !== user) {
      return { refused: 'name-taken', message: 'somebody else has this name', retryAfter: 30_000 }
    }
    const id = user ?? `guest-${++guests}`
    held.set(name.toLowerCase(), id)
    holders.set(id, gateway)
    const token = await tokens.signGuest({ id, name }, 3600)
    return { user: { id, name }, token, expiresAt: Date.now() + 3_600_000 }
  }

  function release(gateway: string, id: string): void {
    if (holders.get(id) !== gateway) return
    for (const [name, holder] of held) if (holder === id) held.delete(name)
  }

  function drop(gateway: string): void {
    leases.delete(gateway)
    for (const { room, user, gateway: of } of [...seats]) if (of === gateway) give(gateway, room, user.id)
    for (const [id, of] of holders) if (of === gateway) release(gateway, id)
  }

  const fake: FakeRooms = {
    down: false,
    forgetful: false,
    silent: false,
    held,
    batches: [],
    audited: [],
    hold(call) {
      let end: (error?: Error) => void = () => {}
      const held = new Promise<void>((resolve, reject) => {
        end = (error) => (error === undefined ? resolve() : reject(error))
      })
      // There may be no call that waits for it.
      held.catch(() => {})
      holds.set(call, held)
      return (error) => {
        holds.delete(call)
        end(error)
      }
    },
    expire(gateway) {
      for (const one of gateway === undefined ? leases : [gateway]) drop(one)
    },
    put(key, policy) {
      policies.set(key, { version: ++version, policy })
      if (!fake.silent) log.signal({ type: 'policy', version })
    },
    seated: usersIn,
    renew: (gateway, { fresh }) =>
      answer('renew', () => {
        if (fresh) drop(gateway)
        if (fresh) leases.add(gateway)
        const rooms = [...new Set(seats.filter((seat) => seat.gateway === gateway).map(({ room }) => room))]
        const counts = rooms.map((room) => ({
          room,
          count: usersIn(room).length,
          version: versions.get(room) ?? 0,
        }))
        return leases.has(gateway) ? { expiresIn: 15_000, policies: version, counts } : undefined
      }),
    end: (gateway) => answer('end', () => drop(gateway)),
    seats: (gateway, batch) =>
      answer('seats', () => {
        if (!leases.has(gateway)) return undefined
        fake.batches.push({ take: batch.take.length, give: batch.give.length })
        for (const { room, user } of batch.give) give(gateway, room, user)
        return batch.take.map((request) => take(gateway, request))
      }),
    members: (room, limit) =>
      answer('members', () => {
        const all = new Map(seats.filter((seat) => seat.room === room).map(({ user }) => [user.id, user]))
        return { users: [...all.values()].slice(0, limit), count: all.size }
      }),
    names: (gateway, batch) =>
      answer('names', () => {
        if (!leases.has(gateway)) return undefined
        for (const id of batch.release) release(gateway, id)
        return Promise.all(batch.claim.map((one) => claim(gateway, one)))
      }),
    policies: (since) =>
      answer('policies', () => ({
        version,
        reset: since === 0 || fake.forgetful,
        more: false,
        changes: [...policies]
          .filter(([, entry]) => fake.forgetful || entry.version > since)
          .map(([key, { policy }]) => ({ key, policy })),
      })),
    audit: (entries) => answer('audit', () => void fake.audited.push(...entries)),
    retention: async () => new Map(),
    readable: async (rooms) => [...rooms],
  }
  return fake
}

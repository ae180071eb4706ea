import { type Clock, systemClock } from '@rabble/clock'
import type { EventLog } from '@rabble/event-log'
import type {
  AuditEntry,
  ClaimedName,
  Policy,
  Refusal,
  RoomsClient,
  SeatRelease,
  SeatRequest,
} from '@rabble/rooms/client'
import type { Tokens } from '@rabble/service'
import { createFakeNames } from './fake-names.ts'
import { createFakePolicies } from './fake-policies.ts'
import { createFakeSeats } from './fake-seats.ts'

/**
 * The rooms service in memory, for several gateways of one test. A test can make it fail. It passes the suite that the real one
 * passes. Policies define rooms and restrictions. There are no invitations.
 */
export interface FakeRooms extends RoomsClient {
  /** While true, every call fails. */
  down: boolean
  /** While true, every copy of the policies that is behind counts as too old. */
  forgetful: boolean
  /** While true, its signals to gateways get lost. */
  silent: boolean
  /**
   * Withholds the answers to calls of this name from now on, until the returned function is called. With an error, the calls
   * fail. The service executes them at once.
   */
  hold(call: 'seats' | 'names' | 'renew'): (error?: Error) => void
  /** Ends all leases, or that of one gateway, with all that belongs to them. */
  expire(gateway?: string): void
  /** Sets or removes a policy, and tells the gateways. */
  put(key: string, policy: Policy | null): void
  /** Ids of owners, by room. */
  readonly owners: Map<string, string>
  /** Returns the ids of the users in a room. */
  seated(room: string): string[]
  /** Ids of users by the names that are held. The id of an account is empty here. */
  readonly held: ReadonlyMap<string, string>
  /** Number of seats that each call of `seats` took and gave back. */
  readonly batches: { take: number; give: number }[]
  readonly audited: AuditEntry[]
}

/** Lifetime (s) of guests' tokens. */
const lifetime = 3_600

export function createFakeRooms(
  log: Pick<EventLog, 'signal'>,
  tokens: Pick<Tokens, 'signGuest'>,
  clock: Pick<Clock, 'now'> = systemClock,
): FakeRooms {
  const leases = new Set<string>()
  const holds = new Map<string, Promise<void>>()
  const policies = createFakePolicies()
  const names = createFakeNames((user) =>
    log.signal({ type: 'kick', user, message: 'this name belongs to an account' }),
  )
  const owners = new Map<string, string>()
  const seats = createFakeSeats({
    rulesOf: policies.rulesOf,
    owners,
    isBanned: (user, room) => policies.isBanned(user, room, clock.now()),
    tell: (signal) => {
      if (!fake.silent) log.signal(signal)
    },
  })

  async function answer<T>(call: string, work: () => T | Promise<T>): Promise<T> {
    await new Promise(setImmediate)
    if (fake.down) throw new Error('the rooms service is down')
    const result = await work()
    await holds.get(call)
    return result
  }

  function drop(gateway: string): void {
    leases.delete(gateway)
    seats.drop(gateway)
    names.drop(gateway)
  }

  const fake: FakeRooms = {
    down: false,
    get forgetful() {
      return policies.forgetful
    },
    set forgetful(forgetful) {
      policies.forgetful = forgetful
    },
    silent: false,
    owners,
    held: names.held,
    batches: [],
    audited: [],
    hold(call) {
      let end: (error?: Error) => void = () => {}
      const held = new Promise<void>((resolve, reject) => {
        end = (error) => (error === undefined ? resolve() : reject(error))
      })
      // There may be no call that waits for its answer.
      held.catch(() => {})
      holds.set(call, held)
      return (error) => {
        holds.delete(call)
        end(error)
      }
    },
    expire(gateway) {
      for (const one of gateway === undefined ? [...leases] : [gateway]) drop(one)
    },
    put(key, policy) {
      policies.put(key, policy)
      if (!fake.silent) log.signal({ type: 'policy', version: policies.version })
    },
    seated: (room) => seats.usersIn(room).map(({ id }) => id),
    renew: (gateway, { fresh }) =>
      answer('renew', () => {
        if (fresh) drop(gateway)
        if (fresh) leases.add(gateway)
        if (!leases.has(gateway)) return undefined
        const renewal = { expiresIn: 15_000, policies: policies.version, now: clock.now() }
        return { ...renewal, counts: seats.countsOf(gateway) }
      }),
    end: (gateway) => answer('end', () => drop(gateway)),
    seats: (gateway, batch) =>
      answer('seats', () => {
        checkBatch(batch)
        if (!leases.has(gateway)) return undefined
        fake.batches.push({ take: batch.take.length, give: batch.give.length })
        return seats.change(gateway, batch)
      }),
    members: (room, limit) =>
      answer('members', () => {
        const users = seats.usersIn(room).sort((a, b) => (a.id < b.id ? -1 : 1))
        return { users: users.slice(0, limit), count: users.length }
      }),
    names: (gateway, { claim, release }) =>
      answer('names', () => {
        if (!leases.has(gateway)) return undefined
        names.release(gateway, release)
        const expiresAt = (Math.floor(clock.now() / 1000) + lifetime) * 1000
        const claimed = names
          .claim(gateway, claim)
          .map(async (user, index): Promise<ClaimedName | Refusal> => {
            if ('refused' in user) return user
            const account = claim[index]?.account
            if (account !== undefined) return { user, expiresAt: account }
            return { user, token: await tokens.signGuest(user, lifetime), expiresAt }
          })
        return Promise.all(claimed)
      }),
    policies: (since) => answer('policies', () => policies.since(since)),
    audit: (entries) =>
      answer('audit', () => {
        if (entries.length > 500) throw new Error('an audit takes up to 500 entries')
        fake.audited.push(...entries)
      }),
    retention: () => Promise.reject(new Error('gateways do not ask for that')),
    readable: () => Promise.reject(new Error('gateways do not ask for that')),
    hidden: () => Promise.reject(new Error('gateways do not ask for that')),
    former: () => Promise.reject(new Error('gateways do not ask for that')),
  }
  return fake
}

function checkBatch({ take, give }: { take: readonly SeatRequest[]; give: readonly SeatRelease[] }): void {
  const pairs = new Set([
    ...take.map(({ room, user }) => `${room}\0${user.id}`),
    ...give.map(({ room, user }) => `${room}\0${user}`),
  ])
  if (take.length + give.length > 1_000 || pairs.size < take.length + give.length) {
    throw new Error('a batch takes and gives back up to 1,000 seats, each once')
  }
}

import { isDeepStrictEqual } from 'node:util'
import { connectPostgres, type Database } from '@rabble/database'
import { openTestPglite } from '@rabble/database/testing'
import { createRandom, startPostgres, until } from '@rabble/harness'
import type { Test } from 'tap'
import type { RoomsClient } from '../src/client.ts'
import {
  makeRoom,
  presenceOf,
  type Replica,
  seatsIn,
  startReplica,
  type Told,
  timeout,
  userOf,
} from './build.ts'
import { longTimeouts } from './databases.ts'

/*
 * Gateways take and give seats at random, are late, forget everything or stop for a while, over several replicas. When they
 * rest, the database must hold what the gateways believe to have, and the signals, in the order of their versions, must explain
 * it.
 */

const capacities: Record<string, number> = { small: 3, middle: 6, large: 1_000 }
const rooms = Object.keys(capacities)
const users = Array.from({ length: 14 }, (_, n) => `user-${n}`)
/** Times (ms). Leases end when a schedule says so. */
const leaseTimes = { duration: 600_000, sweep: 100, grace: 0 }

/** Creates a gateway that knows its seats, as `room user`. */
function createGateway(name: string, client: RoomsClient, database: Database, random: () => number) {
  const seats = new Set<string>()
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item

  async function begin(): Promise<void> {
    seats.clear()
    await client.renew(name, { fresh: true })
  }

  async function change(): Promise<void> {
    const pairs = new Set(
      Array.from({ length: 1 + Math.floor(random() * 8) }, () => `${pick(rooms)} ${pick(users)}`),
    )
    const [take, give]: [string[], string[]] = [[], []]
    for (const pair of pairs) (random() < 0.6 ? take : give).push(pair)
    const split = (pair: string) => pair.split(' ') as [string, string]
    const answers = await client.seats(name, {
      take: take.map(split).map(([room, user]) => ({ room, user: userOf(user) })),
      give: give.map(split).map(([room, user]) => ({ room, user })),
    })
    if (answers === undefined) return begin()
    for (const pair of give) seats.delete(pair)
    for (const [index, pair] of take.entries()) {
      const answer = answers[index]
      if (answer !== undefined && 'count' in answer) {
        seats.add(pair)
        const capacity = capacities[split(pair)[0]] ?? 0
        if (answer.count > capacity) throw new Error(`${pair} is the ${answer.count}th`)
      }
    }
  }

  async function renew(): Promise<void> {
    if ((await client.renew(name, { fresh: false })) === undefined) await begin()
  }

  return {
    name,
    seats,
    begin,
    /** Renews the lease, so that the gateway has one that nobody ends while it rests. */
    renew,
    async act(): Promise<void> {
      const choice = random()
      if (choice < 0.75) await change()
      else if (choice < 0.95) await renew()
      else if (choice < 0.97) await begin()
      // As if it had been frozen for longer than a lease lasts. It may return before that is noticed.
      else await expire(database, name)
    },
  }
}

/** The same seed gives the same schedule, as far as the machine allows. */
export interface Schedule {
  seed: number
  rounds: number
}

/** Runs gateways of one replica, over PGlite. */
export async function checkPglite(t: Test, schedule: Schedule): Promise<void> {
  const database = await openTestPglite()
  t.teardown(() => database.close())
  const told: Told = { signals: [], events: [] }
  await run(t, database, [await startReplica(t, database, { told, leaseTimes })], told, schedule)
}

/** Runs gateways of three replicas, over PostgreSQL. */
export async function checkPostgres(t: Test, schedule: Schedule): Promise<void> {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  const told: Told = { signals: [], events: [] }
  const connect = async () => {
    const database = await connectPostgres(url, longTimeouts)
    t.teardown(() => database.close())
    return database
  }
  const replicas: Replica[] = []
  for (let n = 0; n < 3; n++) replicas.push(await startReplica(t, await connect(), { told, leaseTimes }))
  await run(t, await connect(), replicas, told, schedule)
  t.notMatch(server.logs(), /deadlock/, 'none waited for another that waited for it')
}

/** Checks after each round that the database and the signals agree with the gateways. */
async function run(
  t: Test,
  database: Database,
  replicas: Replica[],
  told: Told,
  { seed, rounds }: Schedule,
): Promise<void> {
  const random = createRandom(seed)
  for (const room of rooms) await makeRoom(database, room, { capacity: capacities[room] ?? 0 })
  const gateways = Array.from({ length: 5 }, (_, n) =>
    createGateway(`g${n}`, (replicas[n % replicas.length] as Replica).client(), database, random),
  )
  for (const gateway of gateways) await gateway.begin()
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      gateways.map(async (gateway) => {
        for (let step = 0; step < 12; step++) await gateway.act()
      }),
    )
    await Promise.all(gateways.map((gateway) => gateway.renew()))
    const known = gateways.flatMap(({ name, seats }) => [...seats].map((seat) => `${seat} ${name}`)).sort()
    const inside = (room: string) => {
      const own = known.filter((seat) => seat.startsWith(`${room} `))
      return [...new Set(own.map((seat) => seat.split(' ')[1] ?? ''))].sort()
    }
    const expected = rooms.map((room) => ({ room, wrong: 0, users: inside(room) }))
    const signalled = () => rooms.map((room) => ({ room, ...replay(told, room) }))
    // Others may see a commit before its answer arrives, and a replica signals after the answer.
    const isTold = () => isDeepStrictEqual(signalled(), expected)
    await until(isTold, timeout, 'the last signals').catch(() => {})
    t.strictSame(signalled(), expected, `signals of round ${round}`)
    const taken = expected.filter(({ users }) => users.length > 0)
    const counts = Object.fromEntries(taken.map(({ room, users }) => [room, users.length]))
    t.same(await seatsIn(database), { seats: known, counts }, `seats of round ${round}`)
  }
}

/** Lets a lease seem not to have been renewed in time. */
async function expire(database: Database, gateway: string): Promise<void> {
  await database.query(
    `update rooms.leases set expires_at = now() - interval '1 second'
     where gateway = $1 and isfinite(expires_at)`,
    [gateway],
  )
}

/** Returns the users in a room according to the signals, and how often a signal does not fit the one before. */
function replay(told: Told, room: string): { users: string[]; wrong: number } {
  const signals = presenceOf(told, room).sort((a, b) => a.version - b.version)
  const inside = new Set<string>()
  let wrong = 0
  for (const [index, { joined, left, count, version }] of signals.entries()) {
    if (version === signals[index - 1]?.version) wrong++
    for (const { id } of left) if (!inside.delete(id)) wrong++
    for (const { id } of joined) {
      if (inside.has(id)) wrong++
      inside.add(id)
    }
    if (count !== inside.size || count > (capacities[room] ?? 0)) wrong++
  }
  return { users: [...inside].sort(), wrong }
}

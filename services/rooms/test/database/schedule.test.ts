import { setTimeout as sleep } from 'node:timers/promises'
import { connectPostgres, type Database, openPglite } from '@rabble/database'
import { createRandom, startPostgres, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import type { RoomsClient } from '../../src/client.ts'
import {
  makeRoom,
  patience,
  presenceOf,
  type Replica,
  seatsIn,
  startReplica,
  type Told,
  userOf,
} from '../build.ts'
import { patient } from '../databases.ts'

/*
 * Gateways that take and give seats at random, are late, forget everything or stop for a while, over several replicas.
 * Whenever they rest, the database must hold what they think that they have, and the signals, in the order of their
 * versions, must tell how it came to that.
 */

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const capacities: Record<string, number> = { small: 3, middle: 6, large: 1_000 }
const rooms = Object.keys(capacities)
const users = Array.from({ length: 14 }, (_, n) => `user-${n}`)
const leaseTimes = { duration: 400, sweep: 30, grace: 0 }

/** One that knows its seats, as `room user`. */
function createGateway(name: string, client: RoomsClient, random: () => number) {
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
    /** Afterwards it has a lease that doesn't end while it rests. */
    async rest(database: Database): Promise<void> {
      do await renew()
      while (!(await prolong(database, name)))
    },
    async act(): Promise<void> {
      const choice = random()
      if (choice < 0.75) await change()
      else if (choice < 0.95) await renew()
      else if (choice < 0.97) await begin()
      else await sleep(leaseTimes.duration * (0.5 + random()))
    },
  }
}

async function run(
  t: Test,
  database: Database,
  replicas: Replica[],
  told: Told,
  rounds: number,
): Promise<void> {
  const random = createRandom(seed)
  for (const room of rooms) await makeRoom(database, room, { capacity: capacities[room] ?? 0 })
  const gateways = Array.from({ length: 5 }, (_, n) =>
    createGateway(`g${n}`, (replicas[n % replicas.length] as Replica).client(), random),
  )
  for (const gateway of gateways) await gateway.begin()
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      gateways.map(async (gateway) => {
        for (let step = 0; step < 12; step++) await gateway.act()
      }),
    )
    await Promise.all(gateways.map((gateway) => gateway.rest(database)))
    const found = await seatsIn(database)
    const known = gateways.flatMap(({ name, seats }) => [...seats].map((seat) => `${seat} ${name}`)).sort()
    t.same(found.seats, known, `seats of round ${round}`)
    const inside = (room: string) =>
      [
        ...new Set(
          known.filter((seat) => seat.startsWith(`${room} `)).map((seat) => seat.split(' ')[1] ?? ''),
        ),
      ].sort()
    // What others see of a commit may come before its answer, and that is when a replica tells.
    const isTold = (room: string) => {
      const { users, wrong } = replay(told, room)
      return wrong === 0 && users.join() === inside(room).join()
    }
    await until(() => rooms.every(isTold), patience, 'the last signals').catch(() => {})
    for (const room of rooms) {
      t.equal(found.counts[room] ?? 0, inside(room).length, `count of ${room}`)
      const { users, wrong } = replay(told, room)
      t.equal(wrong, 0, `signals of ${room} in order`)
      t.same(users, inside(room), `signals of ${room}`)
    }
  }
}

/** Makes a lease last until the gateway renews it; false if it has ended. */
async function prolong(database: Database, gateway: string): Promise<boolean> {
  const rows = await database.query(
    `update rooms.leases set expires_at = now() + interval '1 hour'
     where gateway = $1 and isfinite(expires_at) returning 1`,
    [gateway],
  )
  return rows.length > 0
}

/** Who is in a room by what was signalled, and how often a signal doesn't fit the one before. */
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

t.comment(`SEED=${seed}`)

t.test('whatever gateways do, PGlite holds what they have', async (t) => {
  const database = await openPglite()
  t.teardown(() => database.close())
  const told: Told = { signals: [], events: [] }
  await run(t, database, [await startReplica(t, database, { told, leaseTimes })], told, 6)
})

t.test('whatever gateways do over several replicas, PostgreSQL holds what they have', async (t) => {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  const told: Told = { signals: [], events: [] }
  const replicas: Replica[] = []
  for (let n = 0; n < 3; n++) {
    const database = await connectPostgres(url, patient)
    t.teardown(() => database.close())
    replicas.push(await startReplica(t, database, { told, leaseTimes }))
  }
  const database = await connectPostgres(url, patient)
  t.teardown(() => database.close())
  await run(t, database, replicas, told, 25)
  t.notMatch(server.logs(), /deadlock/, 'none waited for another that waited for it')
})

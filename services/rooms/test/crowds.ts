import type { Database } from '@rabble/database'
import type { Test } from 'tap'
import type { Refusal, Seat } from '../src/client.ts'
import { makeRoom, presenceOf, type Replica, seatsIn, startReplica, type Told } from './build.ts'
import { gatewayOf } from './gateway.ts'

/** Lets 200 users at once try to enter a room for ten, over four gateways of two replicas. Each round has another room. */
export async function checkCrowds(t: Test, database: Database, rounds: number): Promise<void> {
  const told: Told = { signals: [], events: [] }
  const replicas = [await startReplica(t, database, { told }), await startReplica(t, database, { told })]
  const gateways = await Promise.all(
    ['g1', 'g2', 'g3', 'g4'].map((name, index) => gatewayOf(replicas[index % 2] as Replica, name)),
  )
  /** Repeats a request that a busy machine did not answer in time. */
  async function retry(room: string, n: number): Promise<(Seat | Refusal)[]> {
    try {
      return (await gateways[n % 4]?.take(room, `user-${n}`)) ?? []
    } catch (error) {
      if (!/503/.test(String(error))) throw error
      return retry(room, n)
    }
  }
  for (let round = 0; round < rounds; round++) {
    const room = `round-${round}`
    await makeRoom(database, room, { capacity: 10 })
    const answers = (await Promise.all(Array.from({ length: 200 }, (_, n) => retry(room, n)))).flat()
    const { seats, counts } = await seatsIn(database)
    const found = {
      answers: answers.length,
      taken: answers.filter((answer) => 'count' in answer).length,
      seats: seats.filter((seat) => seat.startsWith(`${room} `)).length,
      count: counts[room],
      most: Math.max(...presenceOf(told, room).map(({ count }) => count)),
    }
    t.strictSame(found, { answers: 200, taken: 10, seats: 10, count: 10, most: 10 }, `round ${round}`)
  }
}

import t from 'tap'
import { checkPostgres } from '../schedule.ts'

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
t.comment(`SEED=${seed}`)

t.test('whatever gateways do over several replicas, PostgreSQL holds what they have', (t) =>
  checkPostgres(t, { seed, rounds: 4 }),
)

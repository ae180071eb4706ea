import t from 'tap'
import { checkPglite, checkPostgres } from '../schedule.ts'

const first = Number(process.env.SEED ?? Date.now() % 1_000_000)

for (let seed = first; seed < first + 3; seed++) {
  t.comment(`SEED=${seed}`)
  t.test(`PGlite holds what gateways have, SEED=${seed}`, (t) => checkPglite(t, { seed, rounds: 6 }))
  t.test(`PostgreSQL holds what gateways have, SEED=${seed}`, (t) => checkPostgres(t, { seed, rounds: 25 }))
}

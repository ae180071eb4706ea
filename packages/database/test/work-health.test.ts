import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { createWorkHealth } from '../src/index.ts'

const failure = (code: string, message = code) => Object.assign(new Error(message), { code })

t.test('work that fails is a problem until it works, or nobody has tried for a while', async (t) => {
  const clock = createManualClock()
  const health = createWorkHealth(clock)
  health.ended('sweep', failure('25006', 'read-only'))
  health.ended('search')
  t.equal(health.problem(), 'sweep fails: read-only')
  health.ended('sweep')
  t.equal(health.problem(), undefined)
  health.ended('sweep', failure('55P03'))
  await clock.advance(19_999)
  t.equal(health.problem(), 'sweep fails: 55P03')
  await clock.advance(1)
  t.equal(health.problem(), undefined)
})

t.test('damage counts for a minute, whatever works meanwhile', async (t) => {
  const clock = createManualClock()
  const health = createWorkHealth(clock)
  health.ended('search', failure('XX001', 'invalid page'))
  health.ended('search')
  health.ended('search', failure('08006'))
  await clock.advance(59_999)
  t.equal(health.problem(), 'search fails: invalid page')
  await clock.advance(1)
  t.equal(health.problem(), undefined)
})

t.test('neither a lost connection nor what somebody asked wrongly is a problem of the tables', async (t) => {
  const health = createWorkHealth(createManualClock())
  for (const code of ['08006', '57P01', '22P02', '42601', '40P01', 'ECONNREFUSED']) {
    health.ended('search', failure(code))
    t.equal(health.problem(), undefined, code)
  }
})

import { setImmediate as turn } from 'node:timers/promises'
import { type Clock, systemClock } from '@rabble/clock'
import { createManualClock } from '@rabble/clock/manual'
import { RabbleError } from '@rabble/contract'
import { Registry } from 'prom-client'
import t from 'tap'
import { createMetrics } from '../../src/metrics.ts'
import { createReads } from '../../src/routes/reads.ts'

const unavailable = { code: 'unavailable', retryAfter: 2_000 }

/** Database work that tests end by hand. */
function works() {
  const ends: (() => void)[] = []
  return {
    ends,
    work: () => new Promise<string>((resolve) => ends.push(() => resolve('done'))),
  }
}

function reads(
  limits: { active: number; waiting: number; deadline: number },
  { clock = systemClock, migrated = true }: { clock?: Clock; migrated?: boolean } = {},
) {
  return createReads(limits, { clock, metrics: createMetrics(new Registry()), migrated: () => migrated })
}

t.test('so many reads are under way, so many wait, and more are refused', async (t) => {
  const { run } = reads({ active: 2, waiting: 2, deadline: 60_000 })
  const { ends, work } = works()
  const four = [1, 2, 3, 4].map(() => run('page', work))
  await turn()
  t.equal(ends.length, 2)
  await t.rejects(run('page', work), unavailable)
  ends[0]?.()
  t.equal(await four[0], 'done')
  await turn()
  t.equal(ends.length, 3, 'the first that waited has the place')
  const fifth = run('page', work)
  await t.rejects(run('page', work), unavailable)
  for (let n = 1; n < 5; n++) {
    ends[n]?.()
    await turn()
  }
  t.same(await Promise.all([...four, fifth]), Array(5).fill('done'))
})

t.test('a read that takes too long is answered, and its place stays taken until it ends', async (t) => {
  const clock = createManualClock()
  const { run } = reads({ active: 1, waiting: 1, deadline: 4_000 }, { clock })
  const { ends, work } = works()
  const first = run('page', work)
  const second = run('page', work)
  let answered = 0
  const late = [first, second].map((read) =>
    t.rejects(
      read.finally(() => answered++),
      unavailable,
    ),
  )
  await clock.advance(3_999)
  t.equal(answered, 0)
  await clock.advance(1)
  await Promise.all(late)
  const third = t.rejects(run('page', work), unavailable)
  await clock.advance(4_000)
  await third
  t.equal(ends.length, 1, 'the database was asked nothing more')
  ends[0]?.()
  await turn()
  t.equal(await run('page', async () => 'done'), 'done', 'and those that gave up take no place')
})

t.test('failures of the database are unavailable, others stay what they are', async (t) => {
  const { run } = reads({ active: 1, waiting: 0, deadline: 60_000 })
  const failing = (error: Error) => run('page', () => Promise.reject(error))
  await t.rejects(failing(Object.assign(new Error('down'), { code: '08006' })), unavailable)
  await t.rejects(failing(Object.assign(new Error('no such column'), { code: '42703' })), { code: '42703' })
  await t.rejects(failing(new RabbleError('bad-frame', 'no')), { code: 'bad-frame' })
  t.equal(await run('page', async () => 'done'), 'done', 'the place is free after each')
})

t.test('without tables nothing is asked', async (t) => {
  const { ends, work } = works()
  await t.rejects(
    reads({ active: 1, waiting: 0, deadline: 60_000 }, { migrated: false }).run('page', work),
    unavailable,
  )
  t.equal(ends.length, 0)
})

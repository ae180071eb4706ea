import { RabbleError } from '@rabble/contract'
import { Registry } from 'prom-client'
import t from 'tap'
import { createMetrics } from '../src/metrics.ts'
import { createReads } from '../src/reads.ts'

const unavailable = { code: 'unavailable', retryAfter: 2_000 }

/** Work of the database, ended by hand. */
function works() {
  const ends: (() => void)[] = []
  return {
    ends,
    work: () => new Promise<string>((resolve) => ends.push(() => resolve('done'))),
  }
}

function reads(limits: { active: number; waiting: number; deadline: number }, migrated = true) {
  return createReads(limits, { metrics: createMetrics(new Registry()), migrated: () => migrated })
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 5))

t.test('so many reads are under way, so many wait, and more are refused', async (t) => {
  const { run } = reads({ active: 2, waiting: 2, deadline: 60_000 })
  const { ends, work } = works()
  const four = [1, 2, 3, 4].map(() => run('page', work))
  await turns()
  t.equal(ends.length, 2)
  await t.rejects(run('page', work), unavailable)
  ends[0]?.()
  t.equal(await four[0], 'done')
  await turns()
  t.equal(ends.length, 3, 'the first that waited has the place')
  const fifth = run('page', work)
  await t.rejects(run('page', work), unavailable)
  for (let n = 1; n < 5; n++) {
    ends[n]?.()
    await turns()
  }
  t.same(await Promise.all([...four, fifth]), Array(5).fill('done'))
})

t.test('a read that takes too long is answered, and its place stays taken until it ends', async (t) => {
  const { run } = reads({ active: 1, waiting: 1, deadline: 50 })
  const { ends, work } = works()
  const first = run('page', work)
  const second = run('page', work)
  await Promise.all([t.rejects(first, unavailable), t.rejects(second, unavailable, 'also while it waits')])
  await t.rejects(run('page', work), unavailable)
  t.equal(ends.length, 1, 'the database was asked nothing more')
  ends[0]?.()
  await turns()
  // Done before any timer can tell that it takes too long.
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
  await t.rejects(reads({ active: 1, waiting: 0, deadline: 60_000 }, false).run('page', work), unavailable)
  t.equal(ends.length, 0)
})

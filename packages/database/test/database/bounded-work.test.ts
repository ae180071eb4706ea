import t from 'tap'
import { retried, transactionWithin } from '../../src/bounded-work.ts'
import { openPglite } from '../../src/pglite.ts'

const failure = (code: string) => Object.assign(new Error(code), { code })

/** Fails with these, one after the other, and then works. */
function failing(...codes: string[]): { work: () => Promise<string>; calls: () => number } {
  let calls = 0
  return {
    calls: () => calls,
    async work() {
      const code = codes[calls++]
      if (code !== undefined) throw failure(code)
      return 'done'
    },
  }
}

t.test('a deadlock, a conflict or a dead connection is tried again', async (t) => {
  const { work, calls } = failing('40P01', '40001', '08006')
  t.equal(await retried(new AbortController().signal, work), 'done')
  t.equal(calls(), 4)
})

t.test('what lasts is told after a few times, and what can’t pass at once', async (t) => {
  const { signal } = new AbortController()
  const down = failing(...Array<string>(20).fill('57P03'))
  await t.rejects(retried(signal, down.work), { code: '57P03' })
  t.equal(down.calls(), 5)
  const wrong = failing('42703')
  await t.rejects(retried(signal, wrong.work), { code: '42703' })
  t.equal(wrong.calls(), 1)
})

t.test('nothing is tried again once nobody waits for it', async (t) => {
  const stop = new AbortController()
  const down = failing(...Array<string>(20).fill('57P03'))
  const result = retried(stop.signal, down.work)
  stop.abort()
  await t.rejects(result, { code: '57P03' })
  t.ok(down.calls() <= 2)
})

t.test('a transaction for which nobody waits any more is rolled back', async (t) => {
  const database = await openPglite()
  t.teardown(() => database.close())
  await database.query('create table notes (text text)')
  const add = 'insert into notes values ($1)'
  const inTime = new AbortController()
  await transactionWithin(database, inTime.signal, (query) => query(add, ['a']))
  for (const moment of ['before', 'behind'] as const) {
    const stop = new AbortController()
    const late = transactionWithin(database, stop.signal, async (query) => {
      await query(add, ['b'])
      stop.abort()
      if (moment === 'before') await query(add, ['c'])
    })
    await t.rejects(late, `${moment} the last statement`)
  }
  t.same(await database.query('select text from notes'), [{ text: 'a' }])
})

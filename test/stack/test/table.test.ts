import t from 'tap'
import { quantile, tableOf } from '../src/table.ts'

t.test('a quantile is one of the values, the smallest that so many do not exceed', async (t) => {
  const values = [5, 1, 4, 2, 3]
  t.equal(quantile(values, 0.5), 3)
  t.equal(quantile(values, 0.99), 5)
  t.equal(quantile(values, 1), 5)
  t.equal(quantile(values, 0), 1)
  t.equal(quantile([7], 0.5), 7)
  t.throws(() => quantile([], 0.5), { message: 'there are no values' })
})

t.test('the table has a line for each step, and no times where nobody was away', async (t) => {
  const quiet = { seconds: 10.4, acknowledged: 480, delivered: 11_520, slowest: 31.6, away: [], asked: 0 }
  const kill = { ...quiet, name: 'kill -9 nginx', away: [100, 300, 200.4], asked: 1 }
  const lines = tableOf([{ ...quiet, name: 'nothing' }, kill]).split('\n')
  t.equal(lines.length, 3)
  t.match(lines[1], /^nothing +10 +480 +11520 +32 +0 +0$/)
  t.match(lines[2], /^kill -9 nginx +10 +480 +11520 +32 +3 +1 +200 +300 +300$/)
})

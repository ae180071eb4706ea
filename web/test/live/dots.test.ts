import t from 'tap'
import { type Dot, moveDots, sessionsPerDot } from '../../src/live/dots.ts'

function counts(dots: readonly Dot[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const { gateway } of dots) found[gateway] = (found[gateway] ?? 0) + 1
  return found
}

t.test('each gateway has as many dots as it is to have, each at a place of its own', async (t) => {
  const dots = moveDots(
    [],
    new Map([
      ['a', 3],
      ['b', 2],
      ['c', 0],
    ]),
  )
  t.same(counts(dots), { a: 3, b: 2 })
  t.same(
    dots.filter(({ gateway }) => gateway === 'a').map(({ place }) => place),
    [0, 1, 2],
  )
})

t.test('the dots of a gateway that ends go to the others, and theirs stay', async (t) => {
  const before = moveDots(
    [],
    new Map([
      ['a', 2],
      ['b', 4],
      ['c', 1],
    ]),
  )
  const after = moveDots(
    before,
    new Map([
      ['a', 4],
      ['b', 0],
      ['c', 3],
    ]),
  )
  t.same(counts(after), { a: 4, c: 3 })
  t.same(
    after.map(({ id }) => id),
    before.map(({ id }) => id),
    'they are the same dots',
  )
  for (const { id, gateway } of before) {
    if (gateway !== 'b') t.equal(after.find((dot) => dot.id === id)?.gateway, gateway)
  }
})

t.test('dots come and go with sessions, and a gateway that is forgotten takes its own with it', async (t) => {
  const before = moveDots([], new Map([['a', 3]]))
  const more = moveDots(before, new Map([['a', 5]]))
  t.equal(new Set(more.map(({ id }) => id)).size, 5)
  t.same(counts(moveDots(more, new Map([['a', 1]]))), { a: 1 })
  t.same(moveDots(more, new Map()), [])
})

t.test('a dot is one session, or of many sessions a round number', async (t) => {
  t.equal(sessionsPerDot(0), 1)
  t.equal(sessionsPerDot(150), 1)
  t.equal(sessionsPerDot(151), 2)
  t.equal(sessionsPerDot(1_000), 10)
  t.equal(sessionsPerDot(30_000), 200)
})

import { createRandom } from '@rabble/harness'
import t from 'tap'
import { Heights } from '../../src/conversation/heights.ts'

const guess = 56

function items(from: number, to: number): { id: string }[] {
  return Array.from({ length: to - from }, (_, index) => ({ id: `m${from + index}` }))
}

t.test('a row is where those before it end, measured or guessed', async (t) => {
  const heights = new Heights()
  heights.follow(items(0, 3))
  heights.measure(1, 100)
  t.same(
    [0, 1, 2, 3, 9].map((index) => heights.top(index)),
    [0, guess, guess + 100, 2 * guess + 100, 2 * guess + 100],
  )
  t.same(
    [-5, 0, guess - 1, guess, guess + 99, guess + 100, 9_999].map((offset) => heights.at(offset)),
    [0, 0, 0, 1, 1, 2, 2],
  )
})

t.test('a list without rows has no height', async (t) => {
  const heights = new Heights()
  heights.follow([])
  t.same([heights.total, heights.at(100), heights.top(5), heights.indexOf('m', 0)], [0, 0, 0, -1])
})

t.test('rows keep their heights whatever comes before and behind them', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const heights = new Heights()
  const known = new Map<string, number>()
  // The array stays the same object, like that of a room.
  const list = items(1_000, 1_010)
  let [first, last] = [1_000, 1_010]
  for (let round = 0; round < 2_000; round++) {
    const what = random()
    const count = Math.floor(random() * 4)
    if (what < 0.3) list.push(...items(last, last + count))
    else if (what < 0.5) list.unshift(...items(first - count, first))
    else if (what < 0.6) list.splice(0, count)
    if (what < 0.3) last += count
    else if (what < 0.5) first -= count
    else if (what < 0.6) first = Number(list[0]?.id.slice(1) ?? last)
    heights.follow(list)
    const index = Math.floor(random() * list.length)
    const item = list[index]
    if (item !== undefined && what > 0.7) {
      const height = 20 + Math.floor(random() * 200)
      known.set(item.id, height)
      heights.measure(index, height)
    }
    const expected = list.slice(0, index).reduce((sum, { id }) => sum + (known.get(id) ?? guess), 0)
    t.equal(heights.top(index), expected)
    if (item !== undefined) {
      t.equal(heights.at(expected), index)
      t.equal(heights.indexOf(item.id, Math.floor(random() * list.length)), index)
    }
  }
})

t.test('a list that goes on for long forgets the heights of rows that it has lost', async (t) => {
  const heights = new Heights()
  for (let n = 0; n < 1_000; n++) {
    heights.follow(items(n, n + 10))
    heights.measure(9, 100)
  }
  t.equal(heights.total, 10 * 100)
  heights.follow([...items(9, 10), ...items(999, 1_009)])
  t.equal(heights.top(1), guess)
})

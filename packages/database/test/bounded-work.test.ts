import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { retried } from '../src/bounded-work.ts'

const failure = (code: string) => Object.assign(new Error(code), { code })

/** Returns work that fails with these codes, one after the other, and then succeeds. */
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

t.test('a deadlock, a conflict or a dead connection is tried again, after pauses that grow', async (t) => {
  for (const [random, pauses] of [
    [0, [10, 20, 40]],
    [1, [20, 40, 80]],
  ] as const) {
    t.intercept(Math, 'random', { value: () => random })
    const clock = createManualClock()
    const { work, calls } = failing('40P01', '40001', '08006')
    const result = retried(clock, new AbortController().signal, work)
    const seen: number[] = []
    for (const pause of pauses) {
      await clock.advance(pause - 1)
      seen.push(calls())
      await clock.advance(1)
    }
    t.equal(await result, 'done')
    t.strictSame([...seen, calls()], [1, 2, 3, 4])
  }
})

t.test('what lasts is told after a few times, and what can’t pass at once', async (t) => {
  const clock = createManualClock()
  const { signal } = new AbortController()
  const down = failing(...Array<string>(20).fill('57P03'))
  const result = t.rejects(retried(clock, signal, down.work), { code: '57P03' })
  await clock.advance(1_000)
  await result
  t.equal(down.calls(), 5)
  const wrong = failing('42703')
  await t.rejects(retried(clock, signal, wrong.work), { code: '42703' })
  t.equal(wrong.calls(), 1)
})

t.test('nothing is tried again once nobody waits for it', async (t) => {
  const clock = createManualClock()
  const stop = new AbortController()
  const down = failing(...Array<string>(20).fill('57P03'))
  const result = t.rejects(retried(clock, stop.signal, down.work), { code: '57P03' })
  await clock.advance(0)
  stop.abort()
  await result
  t.equal(down.calls(), 1)
})

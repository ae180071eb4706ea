import { setImmediate as turn } from 'node:timers/promises'
import { Deferred } from '@rabble/clock/deferred'
import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { createReplayBudget } from '../../src/replay/replay-budget.ts'

const perSecond = 100_000
const limit = 16_000_000

function build() {
  const clock = createManualClock()
  const budget = createReplayBudget({ limit, perSecond, clock })
  return {
    clock,
    budget,
    /** Holds bytes until the client reads; undefined if they may not be held. */
    hold(sharers: readonly string[], bytes: number): (() => void) | undefined {
      const { promise, resolve } = new Deferred<void>()
      return budget.hold(sharers, bytes, () => promise) ? resolve : undefined
    },
  }
}

t.test('neither one user nor one address can hold all bytes that may be unread', async (t) => {
  const { budget, hold } = build()
  const read = hold(['address-1', 'user:eve'], 900_000)
  t.ok(read)
  t.notOk(hold(['address-2', 'user:eve'], 200_000), 'a user has a sixteenth')
  t.ok(hold(['address-1', 'user:mallory'], 3_000_000), 'one at a time may be of any size')
  t.notOk(hold(['address-1', 'user:trudy'], 200_000), 'an address has a quarter')
  t.ok(hold(['address-1', 'user:trudy'], 60_000), 'what is small is always sent')
  t.ok(hold(['address-2', 'user:ada'], 900_000))
  t.equal(budget.held, 4_800_000)
  await turn()
  read?.()
  await turn()
  t.equal(budget.held, 3_900_000)
  t.ok(hold(['address-2', 'user:eve'], 200_000))
  t.notOk(hold(['address-3', 'user:bob'], limit - 4_000_000), 'all together have a limit')
})

t.test('a user, and an address, get so many bytes of some seconds at once, and then wait', async (t) => {
  const { clock, budget } = build()
  const eve = ['address-1', 'user:eve']
  budget.check(eve)
  // This is more than the bytes of eight seconds: the excess is owed.
  budget.spend(eve, 10 * perSecond)
  t.throws(() => budget.check(eve), { code: 'rate-limited', retryAfter: 2_001 })
  t.throws(() => budget.check(['address-2', 'user:eve']), { code: 'rate-limited' })
  budget.check(['address-1', 'user:ada'])
  for (let n = 0; n < 16; n++) budget.spend(['address-1', `user:eve-${n}`], 8 * perSecond)
  t.throws(() => budget.check(['address-1', 'user:ada']), { code: 'rate-limited' }, 'nor do many users help')
  budget.check(['address-2', 'user:ada'])
  await clock.advance(2_001)
  budget.check(eve)
})

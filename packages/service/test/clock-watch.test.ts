import { createManualClock } from '@rabble/clock/manual'
import { Registry } from 'prom-client'
import t from 'tap'
import { timeOfResponse, watchClocks } from '../src/clock-watch.ts'
import { record } from './record.ts'

/** Creates a watch in a process whose clock says ten o'clock. */
function build() {
  const clock = createManualClock(Date.parse('2026-11-22T10:00:00.000Z'))
  const registry = new Registry()
  const { logger, written } = record()
  const watch = watchClocks({ registry, logger, clock })
  return {
    clock,
    watch,
    written: () => written().split('\n').slice(0, -1),
    difference: async () => (await registry.metrics()).match(/peer="rooms"} (.+)$/m)?.[1],
    /** Compares with a clock that is ahead by a number of milliseconds, and answers at once. */
    compare(ahead: number) {
      const time = clock.now() + ahead
      return watch.compare('rooms', { from: time, to: time }, clock.now())
    },
  }
}

t.test('a clock that differs by seconds is told of once, with the times of both', async (t) => {
  const { compare, watch, written, difference } = build()
  compare(4_999)
  t.strictSame(written(), [])
  t.equal(watch.note(), undefined)
  compare(60_000)
  compare(-61_000)
  t.equal(written().length, 1)
  const sentence =
    'the clock of rooms is 60 s ahead: it says 2026-11-22T10:01:00.000Z, ours says 2026-11-22T10:00:00.000Z'
  t.match(written()[0], sentence)
  t.match(watch.note(), /rooms is 61 s behind: it says 2026-11-22T09:58:59.000Z/)
  t.equal(await difference(), '-61')
})

t.test('of several replicas the one that differs is told of, until none did for a minute', async (t) => {
  const { clock, compare, watch, written, difference } = build()
  compare(60_000)
  for (let second = 0; second < 59; second++) {
    await clock.advance(1_000)
    compare(0)
  }
  t.ok(watch.note())
  t.equal(await difference(), '60')
  await clock.advance(1_000)
  compare(0)
  t.equal(watch.note(), undefined)
  t.equal(await difference(), '0')
  t.equal(written().length, 2)
  t.match(written()[1], /agree again/)
})

t.test('a clock that was not compared for long is not known any more', async (t) => {
  const { clock, compare, watch, difference } = build()
  compare(60_000)
  await clock.advance(11 * 60_000)
  t.equal(watch.note(), undefined)
  t.equal(await difference(), undefined)
})

t.test('what may have been the same time is no difference', async (t) => {
  const { clock, watch } = build()
  await clock.advance(700)
  const askedAt = clock.now()
  await clock.advance(20_000)
  // The header has whole seconds. It may come from any moment of the twenty seconds.
  for (const ago of [20_000, 10_000, 0]) {
    const header = new Date(clock.now() - ago).toUTCString()
    t.equal(watch.compare('rooms', timeOfResponse(header) ?? { from: 0, to: 0 }, askedAt), 0, header)
  }
  const early = timeOfResponse('Sun, 22 Nov 2026 09:59:50 GMT')
  t.equal(early && watch.compare('rooms', early, askedAt), -9_701)
  t.equal(timeOfResponse(undefined), undefined)
  t.equal(timeOfResponse('now'), undefined)
})

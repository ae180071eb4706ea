import t, { type Test } from 'tap'
import { type Clock, systemClock } from '../src/clock.ts'
import { createManualClock } from '../src/manual-clock.ts'

/** Tests the behaviour of both clocks. `pass` lets at least a number of milliseconds pass. */
function conforms(t: Test, clock: Clock, pass: (milliseconds: number) => Promise<void>): void {
  t.test('timers run in the order in which they are due, once or again and again', async (t) => {
    const ran: string[] = []
    clock.setTimeout(() => ran.push('late'), 60)
    clock.setTimeout(() => ran.push('early'), 5)
    const interval = clock.setInterval(() => ran.push('again'), 20)
    const never = clock.setTimeout(() => ran.push('never'), 10)
    never.cancel()
    const again = () => ran.filter((what) => what === 'again').length
    const once = () => ran.filter((what) => what !== 'again')
    while (again() < 2 || once().length < 2) await pass(20)
    interval.cancel()
    t.same(once(), ['early', 'late'])
    const before = ran.length
    await pass(50)
    t.equal(ran.length, before, 'what was cancelled runs no more')
  })

  t.test('both times go on', async (t) => {
    const [now, monotonic] = [clock.now(), clock.monotonic()]
    await pass(30)
    t.ok(clock.monotonic() - monotonic >= 29)
    t.ok(clock.now() >= now)
  })

  t.test('a sleep ends with its time, or as soon as its signal aborts', async (t) => {
    const stop = new AbortController()
    const ended: string[] = []
    const sleeps = [
      clock.sleep(10).then(() => ended.push('over')),
      clock.sleep(3_600_000, { signal: stop.signal }).then(() => ended.push('aborted')),
      clock
        .sleep(3_600_000, { signal: AbortSignal.abort(), ref: false })
        .then(() => ended.push('never slept')),
    ]
    await pass(50)
    t.same(ended, ['never slept', 'over'])
    stop.abort()
    await Promise.all(sleeps)
    t.equal(ended.at(-1), 'aborted')
  })
}

t.test('the clock of the machine', async (t) => {
  // This clock is tested in real time.
  conforms(t, systemClock, (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)))
})

t.test('a clock that is moved by hand', async (t) => {
  const clock = createManualClock()
  conforms(t, clock, clock.advance)
})

t.test('a clock that is moved by hand stands still, and its wall clock may be set', async (t) => {
  const clock = createManualClock(1_000_000)
  const began = clock.monotonic()
  let due = 0
  clock.setTimeout(() => due++, 1_000)
  clock.jump(-500_000)
  t.same([clock.now(), clock.monotonic() - began, due, clock.pending], [500_000, 0, 0, 1])
  await clock.advance(1_000)
  t.same([clock.now(), clock.monotonic() - began, due, clock.pending], [501_000, 1_000, 1, 0])
})

t.test('what a timer sets off by promises has happened before the next one runs', async (t) => {
  const clock = createManualClock()
  const steps: number[] = []
  const stepping = (async () => {
    for (let step = 0; step < 3; step++) {
      await clock.sleep(10)
      steps.push(clock.monotonic())
    }
  })()
  await clock.advance(100)
  await stepping
  t.same(
    steps.map((at) => at - (steps[0] ?? 0)),
    [0, 10, 20],
  )
})

import FakeTimers from '@sinonjs/fake-timers'
import { type Clock, withSleep } from './clock.ts'

/** Clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Lets a number of milliseconds pass. Due timers run in their order, and the promises that one settles run before the next
   * timer. Input and output take real time: wait for their effect, then move on.
   */
  advance(milliseconds: number): Promise<void>
  /** Sets the wall clock forward or back (negative). Timers and `monotonic` are not affected. */
  jump(milliseconds: number): void
  /** Number of pending timers. */
  readonly pending: number
}

/** @param now first time of the wall clock. Default: the time of the machine */
export function createManualClock(now: number = Date.now()): ManualClock {
  const fake = FakeTimers.createClock(now)
  const clock = withSleep({
    now: () => fake.now,
    monotonic: () => fake.performance.now(),
    setTimeout: (run, milliseconds) => {
      const timer = fake.setTimeout(run, milliseconds)
      return { cancel: () => fake.clearTimeout(timer), unref() {} }
    },
    setInterval: (run, milliseconds) => {
      const timer = fake.setInterval(run, milliseconds)
      return { cancel: () => fake.clearInterval(timer), unref() {} }
    },
  })
  return {
    ...clock,
    async advance(milliseconds) {
      await fake.tickAsync(milliseconds)
    },
    jump: (milliseconds) => fake.setSystemTime(fake.now + milliseconds),
    get pending() {
      return fake.countTimers()
    },
  }
}

import FakeTimers from '@sinonjs/fake-timers'
import { type Clock, withSleep } from './clock.ts'

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Lets so many milliseconds pass. Timers that fall due run in their order, and what they set off by promises runs
   * before the next one. Input and output take real time: wait for their effect, then move on.
   */
  advance(milliseconds: number): Promise<void>
  /** Sets the wall clock forward or back (negative); timers and `monotonic` don't notice. */
  jump(milliseconds: number): void
  /** Number of timers that are pending. */
  readonly pending: number
}

/** @param now what the wall clock says first; default: the time of the machine */
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

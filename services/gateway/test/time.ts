import type { ManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'

/** Lets time pass in steps of `milliseconds` until `check` holds. Input and output have one minute for it. */
export async function pass(
  clock: ManualClock,
  milliseconds: number,
  check: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const look = async () => {
    if (await check()) return true
    await clock.advance(milliseconds)
    return check()
  }
  await until(look, 60_000, what)
}

/** Lets time pass in the same way until a promise is settled. Returns its result. */
export async function passing<T>(clock: ManualClock, milliseconds: number, promise: Promise<T>): Promise<T> {
  let settled = false
  const settle = () => {
    settled = true
  }
  promise.then(settle, settle)
  await pass(clock, milliseconds, () => settled, 'a promise to be settled')
  return promise
}

import type { Clock, Timer } from '@rabble/clock'

/**
 * The part of a clock that the SDK goes by. Durations are measured by `monotonic`, which nobody can set back. In browsers it may
 * stand still while the machine sleeps, so a sleep is noticed by `now` as well.
 * https://developer.mozilla.org/en-US/docs/Web/API/Performance/now#ticking_during_sleep
 */
export type ChatClock = Pick<Clock, 'now' | 'monotonic' | 'setTimeout' | 'setInterval'>

/** The clock of the machine. The SDK takes only types from other packages, so this says again what `@rabble/clock` says. */
export const systemClock: ChatClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (run, milliseconds) => timer(setTimeout(run, milliseconds)),
  setInterval: (run, milliseconds) => timer(setInterval(run, milliseconds)),
}

/** `clearTimeout` ends intervals as well; browsers have no `unref`. */
function timer(id: ReturnType<typeof setTimeout>): Timer {
  return { cancel: () => clearTimeout(id), unref: () => id.unref?.() }
}

/** Resolves after so many milliseconds. A program may end meanwhile. */
export function sleep(clock: ChatClock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => clock.setTimeout(resolve, milliseconds).unref())
}

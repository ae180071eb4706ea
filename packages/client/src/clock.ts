import type { Clock, Timer } from '@rabble/clock'

/**
 * The part of a clock that the SDK goes by. It measures durations by `now`, too: in browsers `performance.now()` may stand
 * still while the machine sleeps, and a connection is to be looked at as soon as it wakes.
 * https://developer.mozilla.org/en-US/docs/Web/API/Performance/now#ticking_during_sleep
 */
export type ChatClock = Pick<Clock, 'now' | 'setTimeout' | 'setInterval'>

/** The clock of the machine. The SDK takes only types from other packages, so this says again what `@rabble/clock` says. */
export const systemClock: ChatClock = {
  now: () => Date.now(),
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

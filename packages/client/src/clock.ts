import type { Clock, Timer } from '@rabble/clock'

/**
 * Part of a clock that the SDK uses. `monotonic` measures durations, since nobody can set it back. In some browsers it stands
 * still while the machine sleeps, so `now` helps to detect a sleep.
 * https://developer.mozilla.org/en-US/docs/Web/API/Performance/now#ticking_during_sleep
 */
export type ChatClock = Pick<Clock, 'now' | 'monotonic' | 'setTimeout' | 'setInterval'>

/** Clock of the machine. The SDK imports only types from other packages, so this repeats a part of `@rabble/clock`. */
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

/** Resolves after a number of milliseconds. The timer does not keep the process alive. */
export function sleep(clock: ChatClock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => clock.setTimeout(resolve, milliseconds).unref())
}

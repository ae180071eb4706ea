/** Clock of a part of Rabble: the machine's (`systemClock`), or in tests one that is moved by hand. */
export interface Clock {
  /** Returns milliseconds since 1970 by the machine's setting, which may jump. For times that others see. */
  now(): number
  /** Returns milliseconds since a fixed moment; never goes back. For durations and deadlines. */
  monotonic(): number
  /** Calls `run` once, after a number of milliseconds. */
  setTimeout(run: () => void, milliseconds: number): Timer
  /** Calls `run` periodically, every `milliseconds`. */
  setInterval(run: () => void, milliseconds: number): Timer
  /** Resolves after a number of milliseconds, or as soon as `signal` aborts. */
  sleep(milliseconds: number, options?: SleepOptions): Promise<void>
}

export interface Timer {
  /** Prevents further calls. */
  cancel(): void
  /** Lets the process end although the timer is pending. */
  unref(): void
}

export interface SleepOptions {
  signal?: AbortSignal
  /** Whether the process stays alive for it. Default: true. */
  ref?: boolean
}

/** Clock of the machine. */
export const systemClock: Clock = withSleep({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (run, milliseconds) => {
    const timer = setTimeout(run, milliseconds)
    return { cancel: () => clearTimeout(timer), unref: () => void timer.unref() }
  },
  setInterval: (run, milliseconds) => {
    const timer = setInterval(run, milliseconds)
    return { cancel: () => clearInterval(timer), unref: () => void timer.unref() }
  },
})

/** Adds `sleep` to the other methods of a clock. */
export function withSleep(clock: Omit<Clock, 'sleep'>): Clock {
  return {
    ...clock,
    sleep: (milliseconds, { signal, ref = true } = {}) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const end = () => {
          timer.cancel()
          signal?.removeEventListener('abort', end)
          resolve()
        }
        const timer = clock.setTimeout(end, milliseconds)
        if (!ref) timer.unref()
        signal?.addEventListener('abort', end)
      }),
  }
}

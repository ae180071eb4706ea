import { setTimeout as delay } from 'node:timers/promises'

/**
 * Calls `check` again and again until it holds. Use it in place of a fixed sleep, so that a test is as fast as its machine. It calls
 * `check` once more after the timeout, since the machine may have been suspended meanwhile.
 * @param timeout milliseconds
 * @param pause milliseconds between two calls; longer ones for what takes seconds, and costs CPU time to look at
 * @throws Error that names `what`, with the last error of `check` as its cause
 */
export async function until(
  check: () => boolean | Promise<boolean>,
  timeout: number,
  what: string,
  pause = 20,
): Promise<void> {
  const deadline = performance.now() + timeout
  for (;;) {
    const last = performance.now() >= deadline
    let cause: unknown
    try {
      if (await check()) return
    } catch (error) {
      cause = error
    }
    if (last) throw new Error(`waited ${timeout} ms in vain for ${what}`, { cause })
    await delay(pause)
  }
}

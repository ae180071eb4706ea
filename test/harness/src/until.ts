import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks every 20 ms until `check` holds. Give it what may change, not a fixed sleep: a test is as fast as its machine. It is
 * asked once more when the time is over, since a machine may have stood still for as long.
 * @param timeout milliseconds
 * @throws Error saying `what` was waited for, and the last error of `check` as its cause
 */
export async function until(
  check: () => boolean | Promise<boolean>,
  timeout: number,
  what: string,
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
    await delay(20)
  }
}

import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks every 20 ms until `check` holds. Give it what may change, not a fixed sleep: a test is as fast as its machine.
 * @param timeout milliseconds
 * @throws Error saying `what` was waited for, and the last error of `check` as its cause
 */
export async function until(
  check: () => boolean | Promise<boolean>,
  timeout: number,
  what: string,
): Promise<void> {
  const deadline = performance.now() + timeout
  let cause: unknown
  do {
    try {
      if (await check()) return
      cause = undefined
    } catch (error) {
      cause = error
    }
    await delay(20)
  } while (performance.now() < deadline)
  throw new Error(`waited ${timeout} ms in vain for ${what}`, { cause })
}

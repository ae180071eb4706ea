import { setTimeout as delay } from 'node:timers/promises'

/**
 * Calls `check` until it holds: after 20 ms, and then every tenth of the time that it has waited, at most every 200 ms, since checks
 * take time from what they wait for. Use it in place of a fixed sleep, so that a test is as fast as its machine. It calls `check` once
 * more after the timeout, since the machine may have been suspended meanwhile.
 * @param timeout milliseconds
 * @throws Error that names `what`, with the last error of `check` as its cause
 */
export async function until(
  check: () => boolean | Promise<boolean>,
  timeout: number,
  what: string,
): Promise<void> {
  const began = performance.now()
  for (;;) {
    const waited = performance.now() - began
    let cause: unknown
    try {
      if (await check()) return
    } catch (error) {
      cause = error
    }
    if (waited >= timeout) throw new Error(`waited ${timeout} ms in vain for ${what}`, { cause })
    await delay(Math.min(Math.max(waited / 10, 20), 200))
  }
}

import type { Clock } from './clock.ts'
import { Deferred } from './deferred.ts'

/** Resolves with `promise`, or to undefined if that takes longer than a number of milliseconds. */
export async function inTime<T>(
  promise: Promise<T>,
  milliseconds: number,
  clock: Pick<Clock, 'setTimeout'>,
): Promise<T | undefined> {
  const late = new Deferred<undefined>()
  const timer = clock.setTimeout(() => late.resolve(undefined), milliseconds)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    timer.cancel()
  }
}

/**
 * Resolves with `promise`, or to undefined once `signal` aborts. Leaves no listener on the signal, which may live as long as the
 * process.
 */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const aborted = new Deferred<undefined>()
  const abort = () => aborted.resolve(undefined)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

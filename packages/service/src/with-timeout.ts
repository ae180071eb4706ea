import type { Clock } from '@rabble/clock'

/**
 * Gives `work` a signal that aborts after a number of milliseconds, unless it has ended before, and when `outer` aborts. It is
 * `AbortSignal.timeout` with a clock as an argument. It doesn't take `AbortSignal.any`: an outer signal that outlives many of these
 * would remember each of them.
 */
export async function withTimeout<Result>(
  clock: Clock,
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<Result>,
  outer?: AbortSignal,
): Promise<Result> {
  const ended = new AbortController()
  const timer = clock.setTimeout(() => {
    ended.abort(new DOMException(`the operation took longer than ${milliseconds} ms`, 'TimeoutError'))
  }, milliseconds)
  timer.unref()
  const abort = () => ended.abort(outer?.reason)
  outer?.addEventListener('abort', abort)
  try {
    if (outer?.aborted) abort()
    return await work(ended.signal)
  } finally {
    timer.cancel()
    outer?.removeEventListener('abort', abort)
  }
}

import type { Clock } from '@rabble/clock'

/**
 * Gives `work` a signal that aborts after a number of milliseconds, unless it has ended before. It is `AbortSignal.timeout` with
 * a clock as an argument.
 */
export async function withTimeout<Result>(
  clock: Clock,
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const late = new AbortController()
  const timer = clock.setTimeout(() => {
    late.abort(new DOMException('the operation took too long', 'TimeoutError'))
  }, milliseconds)
  timer.unref()
  try {
    return await work(late.signal)
  } finally {
    timer.cancel()
  }
}

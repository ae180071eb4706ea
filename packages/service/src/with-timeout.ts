import type { Clock } from '@rabble/clock'

/**
 * Gives `work` a signal that aborts after so many milliseconds, unless it has ended before. `AbortSignal.timeout` for a
 * clock that is an argument.
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

import type { Clock } from './clock.ts'

/** Bounds (ms) of the pauses between attempts. */
export interface Backoff {
  first: number
  longest: number
}

/**
 * Returns the pause (ms) after a number of failures in a row. It doubles from `first` up to `longest`, and varies between its
 * half and its whole, so that many processes don't try again at the same moment.
 */
export function backoffDelay({ first, longest }: Backoff, failures: number): number {
  return Math.min(longest, first * 2 ** Math.min(failures - 1, 30)) * (0.5 + Math.random() / 2)
}

export interface RetryOptions {
  clock: Pick<Clock, 'sleep'>
  /** Ends the attempts when it aborts. */
  signal: AbortSignal
  backoff: Backoff
  /** Maximum number of attempts. Default: no limit. */
  attempts?: number
  /** Returns whether another attempt may help after this error. Default: it may. */
  isPassing?(error: unknown): boolean
  /** Called after each failure, with the number of failures in a row. */
  failed?(error: unknown, failures: number): void
}

/**
 * Runs `work` until it succeeds, with pauses in between. No library is used because the pauses follow a `Clock`, which tests move
 * by hand.
 * @throws the last error, if no attempt is left
 */
export async function retry<Result>(work: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  const {
    clock,
    signal,
    backoff,
    attempts = Number.POSITIVE_INFINITY,
    isPassing = () => true,
    failed,
  } = options
  for (let failures = 1; ; failures++) {
    try {
      return await work()
    } catch (error) {
      failed?.(error, failures)
      if (failures >= attempts || !isPassing(error) || signal.aborted) throw error
      await clock.sleep(backoffDelay(backoff, failures), { signal })
      if (signal.aborted) throw error
    }
  }
}

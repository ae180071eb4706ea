import { type Backoff, type RetryOptions, retry } from '@rabble/clock/retry'
import type { Logger } from '@rabble/event-log'

const defaultBackoff: Backoff = { first: 100, longest: 5_000 }

export interface LoggedRetryOptions extends Omit<RetryOptions, 'backoff' | 'failed'> {
  /** Pauses between attempts. Default: 100 ms to 5 s. */
  backoff?: Backoff
  logger: Logger
  /** Name of the work in the log: "writing". */
  doing: string
  /** Called for each failure. */
  failed?(error: unknown): void
  /** Called when it succeeds after failures. */
  recovered?(): void
}

/**
 * Runs `work` until it succeeds, as `retry` does. An outage takes two lines in the log, however long it lasts.
 * @throws the last error, if no attempt is left
 */
export async function retryLogged<Result>(
  work: () => Promise<Result>,
  options: LoggedRetryOptions,
): Promise<Result> {
  const { logger, doing } = options
  let failures = 0
  const result = await retry(work, {
    backoff: defaultBackoff,
    ...options,
    failed(error, count) {
      options.failed?.(error)
      failures = count
      const last = options.signal.aborted || options.isPassing?.(error) === false
      if (count === 1 && !last) logger.error({ err: error }, `${doing} failed, retrying`)
    },
  })
  if (failures > 0) {
    options.recovered?.()
    logger.info({ failures }, `${doing} works again`)
  }
  return result
}

import { type Backoff, type RetryOptions, retry } from '@rabble/clock/retry'
import type { Logger } from '@rabble/event-log'

const defaultBackoff: Backoff = { first: 100, longest: 5_000 }

export interface LoggedRetryOptions extends Omit<RetryOptions, 'backoff' | 'failed'> {
  /** Default: 100 ms to 5 s. */
  backoff?: Backoff
  logger: Logger
  /** What is being done, for the log: "writing". */
  doing: string
  /** Is called for each failure. */
  failed?(error: unknown): void
  /** Is called when it succeeds after failures. */
  recovered?(): void
}

/**
 * Runs `work` until it succeeds, as `retry` does. An outage is two lines in the log, however long it takes.
 * @throws the last error, once there is no further attempt
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
      if (count === 1 && !last) logger.error({ err: error }, `${doing} fails; trying again`)
    },
  })
  if (failures > 0) {
    options.recovered?.()
    logger.info({ failures }, `${doing} works again`)
  }
  return result
}

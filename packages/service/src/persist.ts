import type { Clock } from '@rabble/clock'
import type { Logger } from '@rabble/event-log'

/** Milliseconds; the first pause is about `first`, each next one twice as long, up to `longest`. */
export interface Backoff {
  first: number
  longest: number
}

export const defaultBackoff: Backoff = { first: 100, longest: 5_000 }

export interface Persistence {
  clock: Clock
  signal: AbortSignal
  logger: Logger
  backoff?: Backoff
  /** What is being done, for the log: "writing". */
  doing: string
  /** Called for each failure; true if trying again can't help. */
  onError?: (error: unknown) => boolean
  onRecovered?: () => void
}

/**
 * Does `work` until it succeeds, with pauses that grow and vary, so that replicas don't come back all at once. An outage
 * is two lines in the log, however long it takes.
 * @throws the last error, if `signal` aborts or `onError` gives up
 */
export async function persist<Result>(work: () => Promise<Result>, options: Persistence): Promise<Result> {
  const { clock, signal, logger, doing, backoff = defaultBackoff } = options
  for (let failures = 0; ; failures++) {
    try {
      const result = await work()
      if (failures > 0) {
        options.onRecovered?.()
        logger.info({ failures }, `${doing} works again`)
      }
      return result
    } catch (error) {
      if (options.onError?.(error) === true || signal.aborted) throw error
      if (failures === 0) logger.error({ err: error }, `${doing} fails; trying on`)
      const pause = Math.min(backoff.longest, backoff.first * 2 ** Math.min(failures, 20))
      await clock.sleep(pause * (0.5 + Math.random() / 2), { signal })
      if (signal.aborted) throw error
    }
  }
}

import type { Clock } from '@rabble/clock'
import type { Backoff } from '@rabble/clock/retry'
import type { Database } from '@rabble/database'
import type { EventLog, Logger } from '@rabble/event-log'
import { retryLogged, type Tracing } from '@rabble/service'
import type { HistoryMetrics } from '../metrics.ts'
import type { StepLimits } from './step.ts'

/** A partition of the log, and the dependencies of the work on it. */
export interface Partition {
  partition: number
  clock: Clock
  log: Pick<EventLog, 'partitions' | 'read'>
  database: Database
  metrics: HistoryMetrics
  logger: Logger
  /** Default: nothing is traced. */
  tracing?: Tracing | undefined
  limits?: StepLimits
  backoff?: Backoff
  /** Reasons why partitions are not projected now, by their numbers. */
  problems: Map<number, string>
  /** Aborts when the work must end. */
  signal: AbortSignal
}

/**
 * Runs work with the database until it succeeds, and records the problem meanwhile.
 * @throws the error of the database, but only once `signal` aborts
 */
export function retryForPartition<Result>(
  options: Partition,
  doing: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const { clock, metrics, partition, problems, signal, logger, backoff } = options
  return retryLogged(work, {
    clock,
    signal,
    logger,
    ...(backoff && { backoff }),
    doing: `${doing} of partition ${partition}`,
    failed(error) {
      metrics.databaseErrors.inc({ operation: 'ingest' })
      problems.set(partition, `${doing}: ${(error as Error).message}`)
    },
    recovered: () => problems.delete(partition),
  })
}

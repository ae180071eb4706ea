import { type BoundedWork, createBoundedWork, type WorkLimits, type WorkOptions } from '@rabble/database'
import type { HistoryMetrics } from '../metrics.ts'

/** Limits of one kind of read. */
export type ReadLimits = WorkLimits

/** Limits the cost of reads, so that the writer always finds connections. */
export function createReads(
  limits: ReadLimits,
  options: Pick<WorkOptions, 'clock' | 'migrated' | 'deadline' | 'health'> & { metrics: HistoryMetrics },
): BoundedWork {
  const { metrics } = options
  return createBoundedWork(limits, {
    ...options,
    sorry: 'the history can’t be read right now',
    busy: 'too many reads at once',
    start: (query) => metrics.querySeconds.startTimer({ query }),
    onFailure: () => metrics.databaseErrors.inc({ operation: 'read' }),
  })
}

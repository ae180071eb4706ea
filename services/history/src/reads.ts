import { type BoundedWork, createBoundedWork, type WorkLimits } from '@rabble/database'
import type { HistoryMetrics } from './metrics.ts'

/** How much one kind of read may ask of the database. */
export type ReadLimits = WorkLimits

/** Bounds what reads may cost, so that the writer finds connections whatever is asked. */
export function createReads(
  limits: ReadLimits,
  { metrics, migrated }: { metrics: HistoryMetrics; migrated: () => boolean },
): BoundedWork {
  return createBoundedWork(limits, {
    ready: migrated,
    sorry: 'the history can’t be read just now',
    busy: 'too many reads at once',
    start: (query) => metrics.querySeconds.startTimer({ query }),
    onFailure: () => metrics.databaseErrors.inc({ operation: 'read' }),
  })
}

import type { Clock } from '@rabble/clock'
import { type BoundedWork, createBoundedWork, type WorkHealth, type WorkLimits } from '@rabble/database'
import type { HistoryMetrics } from '../metrics.ts'

/** How much one kind of read may ask of the database. */
export type ReadLimits = WorkLimits

/** Bounds what reads may cost, so that the writer finds connections whatever is asked. */
export function createReads(
  limits: ReadLimits,
  options: {
    clock: Clock
    metrics: HistoryMetrics
    migrated: () => boolean
    health?: WorkHealth | undefined
    /** Milliseconds, instead of those of the limits. */
    deadline?: number | undefined
  },
): BoundedWork {
  const { clock, metrics, migrated, health, deadline = limits.deadline } = options
  const bounds = { ...limits, deadline }
  return createBoundedWork(bounds, {
    clock,
    ready: migrated,
    sorry: 'the history can’t be read just now',
    busy: 'too many reads at once',
    health,
    start: (query) => metrics.querySeconds.startTimer({ query }),
    onFailure: () => metrics.databaseErrors.inc({ operation: 'read' }),
  })
}

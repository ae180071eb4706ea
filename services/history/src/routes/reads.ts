import type { Clock } from '@rabble/clock'
import { type BoundedWork, createBoundedWork, type WorkHealth, type WorkLimits } from '@rabble/database'
import type { HistoryMetrics } from '../metrics.ts'

/** Limits of one kind of read. */
export type ReadLimits = WorkLimits

/** Limits the cost of reads, so that the writer always finds connections. */
export function createReads(
  limits: ReadLimits,
  options: {
    clock: Clock
    metrics: HistoryMetrics
    migrated: () => boolean
    health?: WorkHealth | undefined
    /** Time limit (ms). Default: that of `limits`. */
    deadline?: number | undefined
  },
): BoundedWork {
  const { clock, metrics, migrated, health, deadline = limits.deadline } = options
  const bounds = { ...limits, deadline }
  return createBoundedWork(bounds, {
    clock,
    ready: migrated,
    sorry: 'the history can’t be read right now',
    busy: 'too many reads at once',
    health,
    start: (query) => metrics.querySeconds.startTimer({ query }),
    onFailure: () => metrics.databaseErrors.inc({ operation: 'read' }),
  })
}

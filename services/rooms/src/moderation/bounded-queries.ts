import { type BoundedWork, createBoundedWork, type WorkLimits } from '@rabble/database'
import type { RoutesOptions } from '../options.ts'

/** Limits the database work of one kind, and measures it. */
export function createWork(
  limits: WorkLimits,
  options: Pick<RoutesOptions, 'clock' | 'metrics' | 'migrated' | 'deadline' | 'health'>,
): BoundedWork {
  const { clock, metrics, migrated, health, deadline = limits.deadline } = options
  const bounds = { ...limits, deadline }
  return createBoundedWork(bounds, {
    clock,
    ready: migrated,
    sorry: 'the service is temporarily unavailable',
    busy: 'too many requests at once',
    start: (work) => metrics.workSeconds.startTimer({ work }),
    health,
    onFailure: (work) => metrics.databaseErrors.inc({ work }),
  })
}

import { type BoundedWork, createBoundedWork, type WorkLimits } from '@rabble/database'
import type { RoutesOptions } from '../options.ts'

/** Limits the database work of one kind, and measures it. */
export function createWork(
  limits: WorkLimits,
  options: Pick<RoutesOptions, 'clock' | 'metrics' | 'migrated' | 'deadline' | 'health'>,
): BoundedWork {
  const { metrics } = options
  return createBoundedWork(limits, {
    ...options,
    sorry: 'the service is temporarily unavailable',
    busy: 'too many requests at once',
    start: (work) => metrics.workSeconds.startTimer({ work }),
    onFailure: (work) => metrics.databaseErrors.inc({ work }),
  })
}

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
    sorry: 'that is not possible just now',
    busy: 'too much at once',
    start: (work) => metrics.workSeconds.startTimer({ work }),
    onFailure: (work) => metrics.databaseErrors.inc({ work }),
  })
}

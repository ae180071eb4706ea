import type { Clock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import { orAborted } from '@rabble/clock/race'
import type { Logger } from '@rabble/event-log'
import { retryLogged } from './retry-logged.ts'

/** Interval (ms) between checks for missing tables. */
const interval = 5_000

/** Part of a service that works once the tables exist. */
export interface Job {
  close(): Promise<void>
}

export interface PreparedOptions<Work extends Job> {
  /** Creates the tables. */
  prepare(): Promise<unknown>
  /** Returns the names of missing tables. */
  missing(): Promise<string[]>
  /** Starts the job. */
  start(): Work
  /** Called for each failure to prepare. */
  onError(): void
  clock: Clock
  logger: Logger
}

export interface Prepared<Work extends Job> {
  /** Job that runs; undefined while tables are missing. */
  readonly job: Work | undefined
  /** Resolves when the job runs for the first time. Doesn't settle if it is closed before. */
  readonly started: Promise<void>
  close(): Promise<void>
}

/**
 * Prepares a database as soon as it can be reached, and runs a job on it. A database that becomes empty, after a failover to an
 * empty one or with a new volume, is prepared again: without its tables the service would fail at everything and look healthy.
 */
export function keepPrepared<Work extends Job>(options: PreparedOptions<Work>): Prepared<Work> {
  const { prepare, missing, start, onError, clock, logger } = options
  const stop = new AbortController()
  const { signal } = stop
  const started = new Deferred<void>()
  let job: Work | undefined

  async function prepareAll(): Promise<void> {
    await prepare()
    const tables = await missing()
    if (tables.length > 0) throw new Error(`the database has no ${tables.join(', ')}`)
  }

  /** Returns the missing tables, once there are any. */
  async function untilMissing(): Promise<string[]> {
    while (!signal.aborted) {
      await clock.sleep(interval, { signal })
      // A database that can't be reached is reported elsewhere.
      const tables = await orAborted(
        missing().catch(() => []),
        signal,
      )
      if (tables !== undefined && tables.length > 0) return tables
    }
    return []
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const preparing = {
        clock,
        signal,
        logger,
        doing: 'preparing the database',
        failed: onError,
      }
      await retryLogged(prepareAll, preparing)
      if (signal.aborted) return
      const work = start()
      job = work
      started.resolve()
      const tables = await untilMissing()
      job = undefined
      if (tables.length > 0) logger.error({ tables }, 'tables are missing: creating them again')
      await work.close()
    }
  }

  // Rejects if it is closed before the database was ready.
  const running = run().catch(() => {})
  return {
    get job() {
      return job
    },
    started: started.promise,
    async close() {
      stop.abort()
      await running
    },
  }
}

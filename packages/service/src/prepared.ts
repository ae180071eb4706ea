import type { Clock } from '@rabble/clock'
import type { Logger } from '@rabble/event-log'
import { retryLogged } from './retry-logged.ts'

/** Milliseconds between two looks at whether the tables are there. */
const interval = 5_000

/** Something that works behind the routes once the tables are there. */
export interface Job {
  close(): Promise<void>
}

export interface PreparedOptions<Work extends Job> {
  /** Makes the tables. */
  prepare(): Promise<unknown>
  /** Returns the names of tables that are not there. */
  missing(): Promise<string[]>
  /** Starts to work. */
  start(): Work
  /** Called for each failure to prepare. */
  onError(): void
  clock: Clock
  logger: Logger
}

export interface Prepared<Work extends Job> {
  /** What works; undefined while the tables are not there. */
  readonly job: Work | undefined
  close(): Promise<void>
}

/**
 * Prepares a database, whenever it is there, and works with it. A database that comes back empty, after a failover to
 * nothing or with a new volume, is prepared again: without its tables a service would fail at everything and look well.
 */
export function keepPrepared<Work extends Job>(options: PreparedOptions<Work>): Prepared<Work> {
  const { prepare, missing, start, onError, clock, logger } = options
  const stop = new AbortController()
  const { signal } = stop
  const stopped = new Promise<string[]>((resolve) => {
    signal.addEventListener('abort', () => resolve([]), { once: true })
  })
  let job: Work | undefined

  async function prepareAll(): Promise<void> {
    await prepare()
    const tables = await missing()
    if (tables.length > 0) throw new Error(`the database has no ${tables.join(', ')}`)
  }

  /** Returns the tables that are gone, once some are. */
  async function untilMissing(): Promise<string[]> {
    while (!signal.aborted) {
      await clock.sleep(interval, { signal })
      // A database that can't be asked is told of elsewhere.
      const tables = await Promise.race([missing().catch(() => []), stopped])
      if (tables.length > 0) return tables
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
      const tables = await untilMissing()
      job = undefined
      if (tables.length > 0) logger.error({ tables }, 'the tables are gone; making them anew')
      await work.close()
    }
  }

  // Rejects when it is closed before the database was there.
  const running = run().catch(() => {})
  return {
    get job() {
      return job
    },
    async close() {
      stop.abort()
      await running
    },
  }
}

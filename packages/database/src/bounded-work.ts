import type { Clock } from '@rabble/clock'
import { RabbleError } from '@rabble/contract'
import type { Database } from './database.ts'
import { isUnavailable, sqlState } from './failure.ts'
import type { WorkHealth } from './work-health.ts'

/** How much one kind of work may ask of the database. */
export interface WorkLimits {
  /** Pieces of it that the database may have at a time. */
  active: number
  /** Pieces that may wait for that; more are refused. */
  waiting: number
  /** Milliseconds after which one is answered with `unavailable`, waiting included. */
  deadline: number
}

export interface WorkOptions {
  clock: Clock
  /** Whether the database may be asked already. */
  ready: () => boolean
  /** What is told when it can't be asked: 'the history can’t be read just now'. */
  sorry: string
  /** What is told when too many wait: 'too many reads at once'. */
  busy: string
  /** Called when a piece begins; what it returns, when it is answered. */
  start?: (name: string) => () => void
  onFailure?: (name: string) => void
  /** Told how each piece ended, also of one that was given up before. */
  health?: WorkHealth | undefined
}

export interface BoundedWork {
  /**
   * Runs one piece. `signal` aborts once it is answered, which may be before it has ended.
   * @throws RabbleError `unavailable` if the database can't be asked, or doesn't answer in time
   */
  run<Result>(name: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result>
}

/**
 * Bounds what work may cost. A piece that is given up keeps its place until the database lets go of it: a server that
 * is frozen holds so many connections and no more, and other work finds the rest.
 */
export function createBoundedWork(limits: WorkLimits, options: WorkOptions): BoundedWork {
  const { active, waiting, deadline } = limits
  const queue: (() => void)[] = []
  let running = 0

  function unavailable(reason = options.sorry): RabbleError {
    return new RabbleError('unavailable', reason, { retryAfter: 2_000 })
  }

  /** Resolves once there is a place, which is then taken. */
  function place(signal: AbortSignal): Promise<void> | undefined {
    if (running < active) {
      running++
      return undefined
    }
    if (queue.length >= waiting) throw unavailable(options.busy)
    return new Promise((resolve, reject) => {
      queue.push(resolve)
      signal.addEventListener('abort', () => {
        const index = queue.indexOf(resolve)
        if (index >= 0) queue.splice(index, 1)
        reject(unavailable())
      })
    })
  }

  /** Hands its place on, if somebody waits for one. */
  function release(): void {
    const next = queue.shift()
    if (next === undefined) running--
    else next()
  }

  async function take<Result>(
    name: string,
    work: (signal: AbortSignal) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    await place(signal)
    try {
      const result = await work(signal)
      options.health?.ended(name)
      return result
    } catch (error) {
      // What somebody asks for may take too long by itself.
      if (sqlState(error) !== '57014') options.health?.ended(name, error)
      throw error
    } finally {
      release()
    }
  }

  return {
    async run(name, work) {
      if (!options.ready()) throw unavailable()
      const end = options.start?.(name)
      const done = new AbortController()
      const late = options.clock.sleep(deadline, { signal: done.signal }).then(() => {
        throw unavailable('the database doesn’t answer in time')
      })
      try {
        return await Promise.race([take(name, work, done.signal), late])
      } catch (error) {
        if (!(error instanceof RabbleError) || error.code === 'unavailable') options.onFailure?.(name)
        throw isUnavailable(error) ? unavailable() : error
      } finally {
        done.abort()
        late.catch(() => {})
        end?.()
      }
    },
  }
}

/** Attempts of what fails for a reason that passes. */
const attempts = 5
/** Milliseconds between the first two, twice as many between the next. */
const firstPause = 10

/**
 * Tries again what the database gave up for a reason that may pass at once: a deadlock, a serialisation failure, a
 * connection that turned out to be dead. Whether a commit was done whose connection was lost nobody knows, so it must be
 * harmless to do `work` again. Nobody waits for it any more once `signal` aborts.
 * @throws the last error
 */
export async function retried<Result>(
  clock: Clock,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attempts || signal.aborted || !isUnavailable(error)) throw error
      const pause = firstPause * 2 ** attempt
      await clock.sleep(pause * (0.5 + Math.random() / 2), { signal })
      if (signal.aborted) throw error
    }
  }
}

/**
 * A transaction that is rolled back unless it can commit before `signal` aborts: what nobody waits for any more must not
 * be done late, behind what was asked for after it.
 */
export function transactionWithin<Result>(
  database: Pick<Database, 'transaction'>,
  signal: AbortSignal,
  work: (query: Database['query']) => Promise<Result>,
): Promise<Result> {
  return database.transaction(async (query) => {
    const result = await work(async (sql, params) => {
      signal.throwIfAborted()
      return query(sql, params)
    })
    signal.throwIfAborted()
    return result
  })
}

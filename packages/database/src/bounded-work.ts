import type { Clock } from '@rabble/clock'
import { retry } from '@rabble/clock/retry'
import { RabbleError } from '@rabble/contract'
import { createTurns, NoPlaceError, type TurnLimits } from '@rabble/turns'
import type { Database } from './database.ts'
import { isUnavailable, sqlState } from './failure.ts'
import type { WorkHealth } from './work-health.ts'

/** Limits of one kind of work on the database. */
export interface WorkLimits extends TurnLimits {
  /** Maximum number of jobs that wait; more are refused. */
  waiting: number
  /** Time limit (ms) of a job, waiting included. After it the answer is `unavailable`. */
  deadline: number
}

export interface WorkOptions {
  clock: Clock
  /** Whether the tables exist. */
  migrated: () => boolean
  /** Time limit (ms) in place of that of the limits, for tests. */
  deadline?: number | undefined
  /** Error message if the database can't be used: 'the history can’t be read right now'. */
  sorry: string
  /** Error message if too many jobs wait: 'too many reads at once'. */
  busy: string
  /** Called when a job begins. The returned function is called when it is answered. */
  start?: (name: string) => () => void
  onFailure?: (name: string) => void
  /** Receives the result of each job, also after its time limit. */
  health?: WorkHealth | undefined
}

export interface BoundedWork {
  /**
   * Runs one job. `signal` aborts once it is answered, which may be before it has ended. `names` identify the caller, as in
   * `Turns`: each has its share of the places, so a busy caller doesn't delay the others.
   * @throws RabbleError `unavailable` if the database can't be used, or doesn't answer in time; `rate-limited` if the caller's
   * share is used up
   */
  run<Result>(
    name: string,
    work: (signal: AbortSignal) => Promise<Result>,
    names?: readonly string[],
  ): Promise<Result>
}

/**
 * Limits the cost of work. A job past its time limit keeps its place until the database releases it: a frozen server holds only
 * this number of connections, and other work finds the rest.
 */
export function createBoundedWork(limits: WorkLimits, options: WorkOptions): BoundedWork {
  const { deadline = limits.deadline } = options
  const turns = createTurns(limits, options.clock)

  function unavailable(reason = options.sorry): RabbleError {
    return new RabbleError('unavailable', reason, { retryAfter: 2_000 })
  }

  async function carryOut<Result>(
    name: string,
    work: (signal: AbortSignal) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    try {
      const result = await work(signal)
      options.health?.ended(name)
      return result
    } catch (error) {
      // A request may take too long although the database works.
      if (sqlState(error) !== '57014') options.health?.ended(name, error)
      throw error
    }
  }

  return {
    async run(name, work, names = []) {
      if (!options.migrated()) throw unavailable()
      const end = options.start?.(name)
      const done = new AbortController()
      const late = options.clock.sleep(deadline, { signal: done.signal }).then(() => {
        throw unavailable('the database doesn’t answer in time')
      })
      try {
        return await Promise.race([
          turns.run(names, () => carryOut(name, work, done.signal), done.signal),
          late,
        ])
      } catch (error) {
        if (error instanceof NoPlaceError) {
          throw error.own
            ? new RabbleError('rate-limited', 'too many requests of this user at once', { retryAfter: 1_000 })
            : unavailable(options.busy)
        }
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

/** Maximum number of attempts, and the pauses (ms) between them. */
const attempts = 5
const backoff = { first: 20, longest: 160 }

/**
 * Runs `work`, and retries if the database fails for a reason that may pass at once: a deadlock, a serialisation failure, a dead
 * connection. If the connection is lost during a commit, the outcome is unknown, so `work` must be safe to repeat. There is no
 * further attempt once `signal` aborts.
 * @throws the last error
 */
export function retried<Result>(
  clock: Clock,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  return retry(work, { clock, signal, attempts, backoff, isPassing: isUnavailable })
}

/**
 * Runs a transaction that is rolled back unless it can commit before `signal` aborts: work that nobody waits for must not be done
 * late, after newer requests.
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

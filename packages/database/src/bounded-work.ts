import type { Clock } from '@rabble/clock'
import { retry } from '@rabble/clock/retry'
import { RabbleError } from '@rabble/contract'
import { createTurns, NoPlaceError, type TurnLimits } from '@rabble/turns'
import type { Database } from './database.ts'
import { isUnavailable, sqlState } from './failure.ts'
import type { WorkHealth } from './work-health.ts'

/** How much one kind of work may ask of the database. */
export interface WorkLimits extends TurnLimits {
  /** Pieces that may wait; more are refused. */
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
   * Runs one piece. `signal` aborts once it is answered, which may be before it has ended. `names` say who asks, as in
   * `Turns`: each has its share of the places, and one that asks for much keeps nobody else waiting.
   * @throws RabbleError `unavailable` if the database can't be asked, or doesn't answer in time; `rate-limited` if those
   *   who ask have their share already
   */
  run<Result>(
    name: string,
    work: (signal: AbortSignal) => Promise<Result>,
    names?: readonly string[],
  ): Promise<Result>
}

/**
 * Bounds what work may cost. A piece that is given up keeps its place until the database lets go of it: a server that
 * is frozen holds so many connections and no more, and other work finds the rest.
 */
export function createBoundedWork(limits: WorkLimits, options: WorkOptions): BoundedWork {
  const { deadline } = limits
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
      // A request may take too long although the database is well.
      if (sqlState(error) !== '57014') options.health?.ended(name, error)
      throw error
    }
  }

  return {
    async run(name, work, names = []) {
      if (!options.ready()) throw unavailable()
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
            ? new RabbleError('rate-limited', 'too much of yours at once', { retryAfter: 1_000 })
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
 * Tries again what the database gave up for a reason that may pass at once: a deadlock, a serialisation failure, a
 * connection that turned out to be dead. Nobody knows whether a commit was done whose connection was lost, so it must be
 * harmless to do `work` again. There is no further attempt once `signal` aborts.
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

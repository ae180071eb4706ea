import type { Clock } from '@rabble/clock'
import { orAborted } from '@rabble/clock/race'
import type { Database } from '@rabble/database'
import type { EventLog } from '@rabble/event-log'
import type { Erasure, ErasureProgress, UsersClient } from '@rabble/rooms/client'
import { type Logger, retryLogged } from '@rabble/service'
import type { HistoryMetrics } from '../metrics.ts'
import { erasePass } from './erase-user.ts'

/** Time (ms) between two questions whether somebody is to be erased. */
const interval = 2_000
/**
 * Time (ms) after a request in which gateways put the user out. They learn of it at once by a signal, and with the policies within a
 * second otherwise. Messages of a gateway that is cut off are found later: rooms names the user again for a day.
 */
const settling = 3_000

export interface ErasingOptions {
  clock: Clock
  database: Database
  log: Pick<EventLog, 'publish'>
  users: Pick<UsersClient, 'erasures' | 'erased'>
  metrics: Pick<HistoryMetrics, 'erasingErrors'>
  logger: Logger
  /** Whether the tables exist. */
  migrated: () => boolean
}

/** Erases users whom the rooms service names, until closed. One replica does it at a time; another one goes on if it dies. */
export function startErasing(options: ErasingOptions): { close(): Promise<void> } {
  const { clock, database, users, metrics, logger, migrated } = options
  const stop = new AbortController()
  const { signal } = stop

  let failures = 0
  /** Returns users to erase; none if rooms does not answer. A single failure is not logged: rooms may be starting too. */
  async function ask(): Promise<Erasure[]> {
    try {
      const due = (await orAborted(users.erasures(), signal)) ?? []
      if (failures > 1) logger.info('rooms says again who is to be erased')
      failures = 0
      return due
    } catch (error) {
      metrics.erasingErrors.inc()
      if (++failures === 2)
        logger.warn({ err: error }, 'rooms does not say who is to be erased; asking again')
      return []
    }
  }

  async function round(): Promise<void> {
    const due = migrated() ? await ask() : []
    if (due.length === 0) return
    const lease = await database.lease('history erasing')
    if (lease === undefined) return
    const until = AbortSignal.any([signal, lease.ended])
    const errors: unknown[] = []
    try {
      for (const erasure of due) {
        if (until.aborted) return
        // One that fails must not keep the others waiting.
        await erase({ ...options, signal: until }, erasure).catch((error: unknown) => errors.push(error))
      }
    } finally {
      await lease.release()
    }
    if (errors.length > 0) throw errors[0]
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await retryLogged(round, retrying)
      await clock.sleep(interval, { signal })
    }
  }

  const retrying = {
    clock,
    signal,
    logger,
    doing: 'erasing users',
    failed: () => metrics.erasingErrors.inc(),
  }
  // Rejects only after the abort: `retryLogged` gives up for no other reason.
  const running = run().catch(() => {})
  return {
    close() {
      stop.abort()
      return running
    },
  }
}

/** Erases a user: passes over all that is stored, until one finds nothing. @throws as `erasePass`, and the error of rooms */
async function erase(
  options: ErasingOptions & { signal: AbortSignal },
  { user, age }: Erasure,
): Promise<void> {
  const { clock, users, signal } = options
  const report = async (progress: ErasureProgress, complete: boolean): Promise<boolean> => {
    const answer = await orAborted(users.erased(user, { ...progress, complete }), signal)
    signal.throwIfAborted()
    return answer?.more ?? false
  }
  await clock.sleep(Math.max(0, settling - age), { signal })
  const parts = {
    ...options,
    report: async (progress: ErasureProgress) => void (await report(progress, false)),
  }
  while ((await erasePass(parts, user)) > 0) signal.throwIfAborted()
  const nothing = { messages: 0, reactions: 0, conversations: 0 }
  while (await report(nothing, true)) signal.throwIfAborted()
}

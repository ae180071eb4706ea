import { refusalDays, trimAudit } from './audit.ts'
import { forgetRooms } from './forgotten-rooms.ts'
import { forgetNames } from './names.ts'
import type { RoutesOptions } from './options.ts'
import { forgetPolicies } from './policies.ts'
import { expireRestrictions } from './restrictions.ts'
import { fillLooks } from './room-looks.ts'

/** Milliseconds between two rounds. */
const pause = 10_000
/** Rounds in an hour. */
const hourly = 360
/** More at once would keep others from the database for too long. */
const batchesAtOnce = 100

/**
 * Takes away what is over: bans and mutes, what gateways needed to know of them, rooms that nobody uses, old entries of
 * the audit. Every replica does it; those that meet leave rows to each other.
 */
export function startUpkeep(
  options: Pick<RoutesOptions, 'clock' | 'database' | 'metrics' | 'logger' | 'auditDays'>,
): { close(): Promise<void> } {
  const { clock, database, metrics, logger, auditDays = 365 } = options
  const stop = new AbortController()
  let failing = false

  /** Until there is nothing left to do. */
  async function all(work: () => Promise<number>): Promise<void> {
    for (let batch = 0; batch < batchesAtOnce && !stop.signal.aborted; batch++) {
      if ((await work()) === 0) return
    }
  }

  async function round(number: number): Promise<void> {
    await all(() => expireRestrictions(database))
    await all(() => forgetPolicies(database))
    await all(() => forgetNames(database))
    await all(() => fillLooks(database))
    await all(() => trimAudit(database, auditDays))
    await all(() => trimAudit(database, Math.min(auditDays, refusalDays), 'login.refused'))
    if (number % hourly !== 0) return
    await forgetRooms(database)
    // PostgreSQL has autovacuum; without one PGlite's files would only ever grow.
    if (database.kind === 'pglite') await database.query(vacuum)
  }

  async function run(): Promise<void> {
    for (let number = 0; !stop.signal.aborted; number++) {
      try {
        await round(number)
        if (failing) logger.info({}, 'clearing up works again')
        failing = false
      } catch (error) {
        metrics.databaseErrors.inc({ work: 'upkeep' })
        if (!failing && !stop.signal.aborted) logger.error({ err: error }, 'clearing up fails; trying on')
        failing = true
      }
      await clock.sleep(pause * (0.75 + Math.random() / 2), { signal: stop.signal })
    }
  }

  const running = run()
  return {
    async close() {
      stop.abort()
      await running
    },
  }
}

const tables = [
  'rooms',
  'leases',
  'seats',
  'presence',
  'names',
  'name_holders',
  'restrictions',
  'policies',
  'policy_version',
  'audit',
]
const vacuum = `vacuum (analyze) ${tables.map((table) => `rooms.${table}`).join(', ')}`

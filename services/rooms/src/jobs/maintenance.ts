import { databaseTime } from '@rabble/database'
import { retryLogged } from '@rabble/service'
import { refusalDays, trimAudit } from '../audit/audit.ts'
import { expireRestrictions } from '../moderation/restrictions.ts'
import { forgetNames } from '../names/names.ts'
import type { RoutesOptions } from '../options.ts'
import { forgetPolicies } from '../policies/policies.ts'
import { forgetRooms } from '../rooms/forgotten-rooms.ts'
import { trimFormer } from '../rooms/former-rooms.ts'
import { fillLooks } from '../rooms/room-looks.ts'
import { forgetSessions, trimGuests } from '../sessions/sessions.ts'
import { forgetErasures } from '../users/erasure.ts'

/** Milliseconds between two rounds. */
const pause = 10_000
/** Rounds in an hour. */
const hourly = 360
/** Maximum number of batches of each kind per round. More would block other users of the database for too long. */
const batchesAtOnce = 100

/**
 * Deletes what has ended: bans and mutes, policies that told gateways of them, names, sessions, unused rooms, old entries of the audit. Every
 * replica does this; replicas that meet skip each other's locked rows. The database's clock decides what has ended, so that
 * clock is compared with the clock of this process.
 */
export function startUpkeep(
  options: Pick<
    RoutesOptions,
    'clock' | 'clocks' | 'database' | 'metrics' | 'logger' | 'health' | 'auditDays'
  >,
): { close(): Promise<void> } {
  const { clock, clocks, database, metrics, logger, health, auditDays = 365 } = options
  const stop = new AbortController()
  const { signal } = stop

  /** Repeats `work` until nothing is left to do, at most `batchesAtOnce` times. */
  async function all(work: () => Promise<number>): Promise<void> {
    for (let batch = 0; batch < batchesAtOnce && !signal.aborted; batch++) {
      if ((await work()) === 0) return
    }
  }

  async function round(number: number): Promise<void> {
    const askedAt = clock.now()
    const time = await databaseTime(database)
    clocks.compare('database', { from: time, to: time }, askedAt)
    await database.query(touch)
    await all(() => expireRestrictions(database))
    await all(() => forgetPolicies(database))
    await all(() => forgetNames(database))
    await all(() => forgetSessions(database))
    await all(() => fillLooks(database))
    await all(() => trimAudit(database, auditDays))
    await all(() => trimAudit(database, Math.min(auditDays, refusalDays), 'login.refused'))
    if (number % hourly === 0) {
      await forgetRooms(database)
      await trimFormer(database)
      await all(() => trimGuests(database))
      await all(() => forgetErasures(database))
      // PostgreSQL has autovacuum. PGlite has none, so its files would only grow.
      if (database.kind === 'pglite') await database.query(vacuum)
    }
    health.ended('clearing up')
  }

  async function run(): Promise<void> {
    for (let number = 0; !signal.aborted; number++) {
      await retryLogged(() => round(number), retrying)
      await clock.sleep(pause * (0.75 + Math.random() / 2), { signal })
    }
  }

  const retrying = {
    clock,
    signal,
    logger,
    doing: 'clearing up',
    backoff: { first: pause, longest: pause },
    failed(error: unknown) {
      metrics.databaseErrors.inc({ work: 'maintenance' })
      health.ended('clearing up', error)
    },
  }
  // Rejects only after the abort: `retryLogged` gives up for no other reason.
  const running = run().catch(() => {})
  return {
    async close() {
      stop.abort()
      await running
    },
  }
}

/** All tables of this service. */
export const tables = [
  ...['rooms', 'former', 'origin', 'invitations', 'leases', 'seats', 'presence', 'names', 'name_holders'],
  ...['sessions', 'restrictions', 'policies', 'policy_version', 'audit', 'erasures'],
].map((table) => `rooms.${table}`)

/** Fails if a table can't be written. Writes nothing. */
const touch = tables.map((table) => `delete from ${table} where false`).join('; ')
const vacuum = `vacuum (analyze) ${tables.join(', ')}`

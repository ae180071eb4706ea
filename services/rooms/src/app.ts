import { systemClock } from '@rabble/clock'
import { createWorkHealth, databaseProblem, migrate, missingTables } from '@rabble/database'
import { type Job, keepPrepared, type Prepared, type ReadinessCheck } from '@rabble/service'
import type { FastifyPluginAsync } from 'fastify'
import { auditRoutes } from './audit-routes.ts'
import { limitActs } from './changes.ts'
import { gatewayRoutes } from './gateway-routes.ts'
import { closeLostRooms } from './lost-rooms.ts'
import { memberRoutes } from './member-routes.ts'
import { moderationRoutes } from './moderation-routes.ts'
import { nameRoutes } from './name-routes.ts'
import type { RoomsOptions, RoutesOptions } from './options.ts'
import { policyRoutes } from './policy-routes.ts'
import { roomRoutes } from './room-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { startSweeper } from './sweeper.ts'
import { createTeller } from './tell.ts'
import { startUpkeep, tables } from './upkeep.ts'

export type { RoomsOptions } from './options.ts'

/** From dist/src. */
const migrations = new URL('../../migrations/', import.meta.url)

/**
 * The rooms as a Fastify plugin, with the readiness checks for `operations`. It starts with the app, whether the database
 * is there or not: until it is, everything is answered with `unavailable`.
 */
export function rooms(options: RoomsOptions): {
  plugin: FastifyPluginAsync
  checks: Record<'database' | 'tables', ReadinessCheck>
} {
  const { clock = systemClock, database, metrics, logger } = options
  const stop = new AbortController()
  const health = createWorkHealth(clock)
  const { tell, close: closeTeller } = createTeller({ ...options, clock })
  let prepared: Prepared<Job> | undefined
  const routes: RoutesOptions = {
    ...options,
    clock,
    health,
    tell,
    checkAddress: limitActs(options.hourlyLimits, clock),
    migrated: () => prepared?.job !== undefined,
  }

  async function prepare(): Promise<void> {
    await migrate(database, 'rooms', migrations)
    if (options.alone) await database.query('update rooms.leases set expires_at = $1', ['-infinity'])
    await closeLostRooms({ ...options, clock }, stop.signal)
  }

  function start(): Job {
    const jobs = [startSweeper(routes), startUpkeep(routes)]
    return { close: async () => void (await Promise.all(jobs.map((job) => job.close()))) }
  }

  return {
    async plugin(app) {
      app.register(gatewayRoutes(routes))
      app.register(memberRoutes(routes))
      app.register(policyRoutes(routes))
      app.register(nameRoutes(routes))
      app.register(sessionRoutes(routes))
      app.register(roomRoutes(routes))
      app.register(moderationRoutes(routes))
      app.register(auditRoutes(routes))
      app.addHook('onReady', async () => {
        // Not awaited: the app listens, and says that it isn't ready, while the database is down.
        prepared = keepPrepared({
          prepare,
          missing: () => missingTables(database, tables),
          start,
          onError: () => metrics.databaseErrors.inc({ work: 'migrate' }),
          clock,
          logger,
        })
      })
      app.addHook('onClose', async () => {
        stop.abort()
        await prepared?.close()
        closeTeller()
      })
    },
    checks: {
      database: () => databaseProblem(database, clock),
      tables: () => (routes.migrated() ? health.problem() : 'the database is not prepared yet'),
    },
  }
}

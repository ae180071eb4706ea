import { systemClock } from '@rabble/clock'
import { databaseProblem, migrate } from '@rabble/database'
import { persist, type ReadinessCheck } from '@rabble/service'
import type { FastifyPluginAsync } from 'fastify'
import { auditRoutes } from './audit-routes.ts'
import { gatewayRoutes } from './gateway-routes.ts'
import { memberRoutes } from './member-routes.ts'
import { moderationRoutes } from './moderation-routes.ts'
import { nameRoutes } from './name-routes.ts'
import type { RoomsOptions, RoutesOptions } from './options.ts'
import { policyRoutes } from './policy-routes.ts'
import { roomRoutes } from './room-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { startSweeper } from './sweeper.ts'
import { createTeller } from './tell.ts'
import { startUpkeep } from './upkeep.ts'

export type { RoomsOptions } from './options.ts'

/** Something that works behind the routes once the tables are there. */
interface Job {
  close(): Promise<void>
}

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
  let starting: Promise<void> | undefined
  let jobs: Job[] | undefined
  const { tell, close: closeTeller } = createTeller({ ...options, clock })
  const routes: RoutesOptions = { ...options, clock, migrated: () => jobs !== undefined, tell }

  async function start(): Promise<void> {
    try {
      const prepare = async () => {
        await migrate(database, 'rooms', migrations)
        if (options.alone) await database.query('update rooms.leases set expires_at = $1', ['-infinity'])
      }
      await persist(prepare, {
        clock,
        signal: stop.signal,
        logger,
        doing: 'preparing the database',
        onError() {
          metrics.databaseErrors.inc({ work: 'migrate' })
          return false
        },
      })
    } catch {
      return // Closed before the database was there.
    }
    if (!stop.signal.aborted) jobs = [startSweeper(routes), startUpkeep(routes)]
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
        starting = start()
      })
      app.addHook('onClose', async () => {
        stop.abort()
        await starting
        await Promise.all((jobs ?? []).map((job) => job.close()))
        closeTeller()
      })
    },
    checks: {
      database: () => databaseProblem(database, clock),
      tables: () => (jobs === undefined ? 'the database is not prepared yet' : undefined),
    },
  }
}

import { systemClock } from '@rabble/clock'
import { createWorkHealth, databaseProblem, migrate, missingTables } from '@rabble/database'
import { type Job, keepPrepared, type Prepared, type ReadinessCheck } from '@rabble/service'
import type { FastifyPluginAsync } from 'fastify'
import { closeLostRooms } from './jobs/lost-rooms.ts'
import { startUpkeep, tables } from './jobs/maintenance.ts'
import { createNotifier } from './jobs/notify.ts'
import { startSweeper } from './jobs/sweeper.ts'
import { limitActs } from './moderation/changes.ts'
import type { RoomsOptions, RoutesOptions } from './options.ts'
import { auditRoutes } from './routes/audit.ts'
import { gatewayRoutes } from './routes/gateways.ts'
import { memberRoutes } from './routes/members.ts'
import { moderationRoutes } from './routes/moderation.ts'
import { nameRoutes } from './routes/names.ts'
import { policyRoutes } from './routes/policies.ts'
import { roomRoutes } from './routes/rooms.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { signInRoutes } from './routes/sign-in.ts'
import { userRoutes } from './routes/users.ts'
import { checkingBrowserSessions } from './sessions/browser-sessions.ts'
import { createProvider } from './sign-in/provider.ts'

export type { RoomsOptions } from './options.ts'

/** Path from dist/src. */
const migrations = new URL('../../migrations/', import.meta.url)

/**
 * Creates the rooms service as a Fastify plugin, with the readiness checks for `operations`. It starts with the app even if the
 * database is down. Until the database is there, all requests are answered with `unavailable`.
 */
export function rooms(options: RoomsOptions): {
  plugin: FastifyPluginAsync
  /**
   * Prepares the database, and resolves when that is done. Without this call, the app begins with it when it is ready, and doesn't
   * wait: a database may be down.
   */
  prepare(): Promise<void>
  checks: Record<'database' | 'tables', ReadinessCheck>
} {
  const { clock = systemClock, database, metrics, logger } = options
  const stop = new AbortController()
  const health = createWorkHealth(clock)
  const { notify, close: closeNotifier } = createNotifier({ ...options, clock })
  let prepared: Prepared<Job> | undefined
  const unchecked: RoutesOptions = {
    ...options,
    clock,
    health,
    notify,
    checkAddress: limitActs(options.hourlyLimits, clock),
    migrated: () => prepared?.job !== undefined,
  }
  const routes = { ...unchecked, tokens: checkingBrowserSessions(unchecked) }
  const provider = options.provider && createProvider(options.provider, routes)
  const signIn = provider && options.provider && { provider, options: options.provider }

  async function prepareTables(): Promise<void> {
    await migrate(database, 'rooms', migrations)
    if (options.alone) await database.query('update rooms.leases set expires_at = $1', ['-infinity'])
    await closeLostRooms({ ...options, clock }, stop.signal)
  }

  function start(): Job {
    const jobs = [startSweeper(routes), startUpkeep(routes)]
    return { close: async () => void (await Promise.all(jobs.map((job) => job.close()))) }
  }

  function prepare(): Promise<void> {
    prepared ??= keepPrepared({
      prepare: prepareTables,
      missing: () => missingTables(database, tables),
      start,
      onError: () => metrics.databaseErrors.inc({ work: 'migrate' }),
      clock,
      logger,
    })
    return prepared.started
  }

  return {
    prepare,
    async plugin(app) {
      app.register(gatewayRoutes(routes))
      app.register(memberRoutes(routes))
      app.register(policyRoutes(routes))
      app.register(nameRoutes(routes))
      app.register(sessionRoutes(routes))
      app.register(signInRoutes(routes, signIn))
      app.register(roomRoutes(routes))
      app.register(moderationRoutes(routes))
      app.register(auditRoutes(routes))
      app.register(userRoutes(routes))
      app.addHook('onReady', async () => void prepare())
      app.addHook('onClose', async () => {
        stop.abort()
        provider?.close()
        await prepared?.close()
        closeNotifier()
      })
    },
    checks: {
      database: () => databaseProblem(database, clock),
      tables: () => (routes.migrated() ? health.problem() : 'the database is not prepared yet'),
    },
  }
}

import { type Clock, systemClock } from '@rabble/clock'
import { createWorkHealth, type Database, databaseProblem, inTime, migrate } from '@rabble/database'
import type { EventLog } from '@rabble/event-log'
import type { RoomsClient } from '@rabble/rooms/client'
import {
  type InternalTokens,
  type Logger,
  persist,
  type ReadinessCheck,
  type ReadinessNote,
  type Tokens,
} from '@rabble/service'
import type { FastifyPluginAsync } from 'fastify'
import { describeGaps } from './gap-note.ts'
import { gatewayRoutes } from './gateway-routes.ts'
import { type Ingest, startIngest } from './ingest.ts'
import type { HistoryMetrics } from './metrics.ts'
import { createReaders } from './readers.ts'
import type { RetainOptions } from './retention.ts'
import { historyRoutes } from './routes.ts'

export interface HistoryOptions extends RetainOptions {
  /** Knows who may read which room, and what rooms keep. Without it every room is for everybody. */
  rooms?: Pick<RoomsClient, 'readable' | 'retention'>
  /** Log and database are the caller's to close, after the app. */
  log: Pick<EventLog, 'partitions' | 'read'>
  database: Database
  tokens: Pick<Tokens, 'verify'>
  /** What gateways show when they ask. Without it they can't. */
  internalTokens?: Pick<InternalTokens, 'verify'> | undefined
  metrics: HistoryMetrics
  logger: Logger
  /** Whether reading any room needs a token (`RABBLE_AUTH=jwt`). Direct messages always do. */
  requireToken?: boolean
  /** Default: the machine's. */
  clock?: Clock
  /** Milliseconds that the database may take for a read, other than usual, for tests. */
  deadline?: number
}

/** From dist/src. */
const migrations = new URL('../../migrations/', import.meta.url)

/**
 * The history as a Fastify plugin, with the readiness checks and notes for `operations`. It starts with the app, whether the
 * database is there or not: until it is, reads are answered with `unavailable` and messages wait in the log.
 */
export function history(options: HistoryOptions): {
  plugin: FastifyPluginAsync
  checks: Record<'database' | 'ingest' | 'messages', ReadinessCheck>
  notes: Record<'gaps', ReadinessNote>
} {
  const { clock = systemClock, database, metrics, logger, requireToken = false } = options
  const health = createWorkHealth(clock)
  const stop = new AbortController()
  let starting: Promise<void> | undefined
  let ingest: Ingest | undefined

  async function start(): Promise<void> {
    try {
      await persist(() => migrate(database, 'history', migrations), {
        clock,
        signal: stop.signal,
        logger,
        doing: 'preparing the database',
        onError() {
          metrics.databaseErrors.inc({ operation: 'migrate' })
          return false
        },
      })
    } catch {
      return // Closed before the database was there.
    }
    if (!stop.signal.aborted) ingest = startIngest({ ...options, clock })
  }

  return {
    async plugin(app) {
      const routes = {
        clock,
        database,
        metrics,
        health,
        access: {
          tokens: options.tokens,
          requireToken,
          readers: createReaders(options.rooms, { clock, requireToken }),
        },
        migrated: () => ingest !== undefined,
        deadline: options.deadline,
      }
      app.register(historyRoutes(routes))
      app.register(
        gatewayRoutes({
          ...routes,
          partitions: options.log.partitions,
          internalTokens: options.internalTokens,
        }),
      )
      app.addHook('onReady', async () => {
        // Not awaited: the app listens, and says that it isn't ready, while the database is down.
        starting = start()
      })
      app.addHook('onClose', async () => {
        stop.abort()
        await starting
        await ingest?.close()
      })
    },
    checks: {
      database: () => databaseProblem(database, clock),
      ingest: () => (ingest === undefined ? 'the database is not prepared yet' : ingest.problem()),
      messages: health.problem,
    },
    notes: {
      gaps: async () => {
        if (ingest === undefined) return undefined
        // If that fails, the check of the database tells.
        const gaps = describeGaps(database).catch(() => undefined)
        return inTime(gaps, clock)
      },
    },
  }
}

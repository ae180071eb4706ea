import { type Clock, systemClock } from '@rabble/clock'
import {
  answerInTime,
  createWorkHealth,
  type Database,
  databaseProblem,
  migrate,
  missingTables,
} from '@rabble/database'
import type { EventLog } from '@rabble/event-log'
import type { RoomsClient, UsersClient } from '@rabble/rooms/client'
import {
  checkingSessions,
  type InternalTokens,
  keepPrepared,
  type Logger,
  type Prepared,
  type ReadinessCheck,
  type ReadinessNote,
  type Tokens,
  type Tracing,
} from '@rabble/service'
import type { FastifyPluginAsync } from 'fastify'
import { followPolicies } from './access/policies.ts'
import { createReaders } from './access/readers.ts'
import { startErasing } from './jobs/erasing.ts'
import { type Ingest, startIngest } from './jobs/ingest.ts'
import type { RetainOptions } from './jobs/retention.ts'
import { describeGaps } from './messages/gap-note.ts'
import type { HistoryMetrics } from './metrics.ts'
import type { Push, PushConfig } from './push/push.ts'
import { conversationRoutes } from './routes/conversations.ts'
import { feedRoutes } from './routes/feed.ts'
import { gatewayRoutes } from './routes/gateways.ts'
import { historyRoutes } from './routes/history.ts'
import { pushRoutes } from './routes/push.ts'
import { reportRoutes } from './routes/reports.ts'
import { userExportRoutes } from './routes/user-export.ts'
import type { Webhook } from './webhooks/webhook.ts'

export interface HistoryOptions extends RetainOptions {
  /**
   * Decides who may read which room, reports the rooms' retention, and is told which rooms have messages. Default: all rooms
   * are open.
   */
  rooms?: Pick<RoomsClient, 'policies' | 'readable' | 'hidden' | 'retention' | 'former'>
  /** Knows users besides their messages, and names those who are to be erased. Default: nobody does. */
  users?: Pick<RoomsClient, 'audit'> & UsersClient
  /** The caller closes log and database, after the app. */
  log: Pick<EventLog, 'partitions' | 'read' | 'publish'>
  database: Database
  tokens: Pick<Tokens, 'verify'>
  /** Verifies the tokens of gateways. Without it, their requests are refused. */
  internalTokens?: Pick<InternalTokens, 'verify'> | undefined
  metrics: HistoryMetrics
  logger: Logger
  /** Default: nothing is traced. */
  tracing?: Tracing | undefined
  /** Whether reading any room needs a token (`RABBLE_AUTH=jwt`). Direct messages always do. */
  requireToken?: boolean
  /** Default: the system clock. */
  clock?: Clock
  /** Time limit (ms) for each read of the database, for tests. Default: each kind of read has its own. */
  deadline?: number
  /** Receiver of the events. Default: none. */
  webhook?: Webhook
  /** Keys of pushes to browsers, and times for tests. Default: no pushes. */
  push?: PushConfig & Omit<Push, 'readable'>
}

const tables = [
  ...['messages', 'changes', 'positions', 'refused', 'gaps'],
  ...['search', 'search_positions', 'search_stale', 'moments'],
  ...['webhook_positions', 'identity', 'retired'],
  ...['rooms', 'conversations', 'mentions', 'privacy', 'seen'],
  ...['push_subscriptions', 'push_positions', 'reports'],
].map((table) => `history.${table}`)

/** Path from dist/src. */
const migrations = new URL('../../migrations/', import.meta.url)

/**
 * Creates history as a Fastify plugin, with the readiness checks and notes for `operations`. It starts with the app even if the
 * database is down. Until the database is there, reads are answered with `unavailable`, and messages wait in the log.
 */
export function history(options: HistoryOptions): {
  plugin: FastifyPluginAsync
  checks: Record<'database' | 'ingest' | 'messages', ReadinessCheck>
  notes: Record<'gaps', ReadinessNote>
} {
  const { clock = systemClock, database, log, metrics, logger, rooms, users, requireToken = false } = options
  const health = createWorkHealth(clock)
  let prepared: Prepared<Ingest> | undefined
  let erasing: ReturnType<typeof startErasing> | undefined

  return {
    async plugin(app) {
      const followed = rooms && followPolicies({ rooms, clock, metrics, logger })
      const source = rooms && followed && { rooms, policies: followed.policies }
      const routes = {
        clock,
        database,
        metrics,
        health,
        access: {
          tokens: checkingSessions(options.tokens, (id) => followed?.policies.hasEnded(id) ?? false),
          requireToken,
          readers: createReaders(source, { clock, requireToken, metrics, logger }),
        },
        migrated: () => prepared?.job !== undefined,
        deadline: options.deadline,
      }
      const { readers } = routes.access
      const push = options.push && {
        ...options.push,
        readable: (id: string, rooms: readonly string[]) =>
          readers.readable(rooms, { user: { id, name: '' }, roles: [] }),
      }
      app.register(historyRoutes(routes))
      app.register(pushRoutes({ ...routes, push }))
      app.register(feedRoutes(routes))
      app.register(userExportRoutes({ ...routes, users }))
      app.register(reportRoutes({ ...routes, users }))
      const { internalTokens } = options
      const { partitions } = options.log
      app.register(gatewayRoutes({ ...routes, partitions, internalTokens }))
      app.register(conversationRoutes({ ...routes, partitions, internalTokens }))
      app.addHook('onReady', async () => {
        // Not awaited: while the database is down, the app listens and reports that it is not ready.
        prepared = keepPrepared({
          prepare: () => migrate(database, 'history', migrations),
          missing: () => missingTables(database, tables),
          start: () => startIngest({ ...options, clock, push }),
          onError: () => metrics.databaseErrors.inc({ operation: 'migrate' }),
          clock,
          logger,
        })
        followed?.start()
        const { migrated } = routes
        erasing = users && startErasing({ clock, database, log, users, metrics, logger, migrated })
      })
      app.addHook('onClose', async () => {
        followed?.close()
        await erasing?.close()
        await prepared?.close()
      })
    },
    checks: {
      database: () => databaseProblem(database, clock),
      ingest() {
        const ingest = prepared?.job
        return ingest === undefined ? 'the database is not prepared yet' : ingest.problem()
      },
      messages: health.problem,
    },
    notes: {
      gaps: async () => {
        if (prepared?.job === undefined) return undefined
        // If this fails, the check of the database reports it.
        const gaps = describeGaps(database).catch(() => undefined)
        return answerInTime(gaps, clock)
      },
    },
  }
}

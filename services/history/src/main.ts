import { connectPostgres } from '@rabble/database'
import { connectRabbitMqLog } from '@rabble/event-log'
import { overHttp } from '@rabble/rooms/client'
import {
  createApp,
  createInternalTokens,
  createLogger,
  logConfig,
  logConnected,
  logSettings,
  operations,
  parseOrigins,
  readSettings,
  runService,
  SettingsError,
  tokenSettings,
  tokensFrom,
  watchClocks,
} from '@rabble/service'
import { Registry } from 'prom-client'
import { history } from './app.ts'
import { historyConfig, historySettings } from './config.ts'
import { createMetrics } from './metrics.ts'

await runService({
  async start() {
    const settings = readSettings(
      process.env,
      [
        'HOST',
        'PORT',
        'LOG_LEVEL',
        'RABBLE_AMQP_URL',
        'RABBLE_DATABASE_URL',
        'RABBLE_ROOMS_URL',
        'RABBLE_ALLOWED_ORIGINS',
        'RABBLE_TRUSTED_PROXIES',
        ...tokenSettings,
        ...historySettings,
        ...logSettings,
      ],
      ['RABBLE_AMQP_URL', 'RABBLE_DATABASE_URL'],
    )
    const { RABBLE_ROOMS_URL: roomsUrl, RABBLE_SECRET: secret } = settings
    if (roomsUrl !== undefined && secret === undefined) {
      throw new SettingsError('RABBLE_ROOMS_URL needs RABBLE_SECRET, with which services show who they are')
    }
    const logger = createLogger('history', settings.LOG_LEVEL)
    const registry = new Registry()
    const clocks = watchClocks({ registry, logger })
    const metrics = createMetrics(registry)
    const database = await connectPostgres(settings.RABBLE_DATABASE_URL, {
      name: 'rabble-history',
      // Reads use up to ten at a time. The writer, the index and retention must always find one.
      connections: 16,
      onError: (error) => logger.warn({ err: error }, 'a connection to the database was lost'),
    })
    const log = await connectRabbitMqLog({
      url: settings.RABBLE_AMQP_URL,
      ...logConfig(settings),
      observer: { malformed: () => metrics.malformed.inc() },
      logger,
    })
    const internalTokens = secret === undefined ? undefined : createInternalTokens(secret)
    const app = createApp({
      logger,
      trustedProxies: settings.RABBLE_TRUSTED_PROXIES,
      allowedOrigins: parseOrigins(settings.RABBLE_ALLOWED_ORIGINS),
    })
    const { plugin, checks, notes } = history({
      log,
      database,
      tokens: tokensFrom(settings, { logger }),
      internalTokens,
      clocks,
      metrics,
      logger,
      requireToken: settings.RABBLE_AUTH === 'jwt',
      ...historyConfig(settings),
      ...(roomsUrl &&
        internalTokens && { rooms: overHttp(roomsUrl, internalTokens, { caller: 'history', clocks }) }),
    })
    app.register(plugin)
    // Without the broker nothing new arrives, but stored messages can be read: a note, not a failed readiness check.
    operations(app, {
      registry,
      checks,
      notes: { ...notes, clocks: clocks.note, log: logConnected(log, registry) },
    })
    app.addHook('onClose', async () => {
      await log.close()
      await database.close()
    })
    return { app, logger, host: settings.HOST, port: settings.PORT }
  },
})

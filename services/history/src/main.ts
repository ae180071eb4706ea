import { connectPostgres } from '@rabble/database'
import { connectRabbitMqLog } from '@rabble/event-log'
import { overHttp } from '@rabble/rooms/client'
import {
  createGround,
  groundSettings,
  internalTokensFrom,
  logConfig,
  logConnected,
  logSettings,
  operations,
  readSettings,
  runService,
  SettingsError,
  tokenSettings,
  tokensFrom,
} from '@rabble/service'
import { history } from './app.ts'
import { historyConfig, historySettings } from './config.ts'
import { createMetrics } from './metrics.ts'

await runService({
  async start() {
    const settings = readSettings(
      process.env,
      [
        'RABBLE_AMQP_URL',
        'RABBLE_DATABASE_URL',
        'RABBLE_ROOMS_URL',
        ...groundSettings,
        ...tokenSettings,
        ...historySettings,
        ...logSettings,
      ],
      ['RABBLE_AMQP_URL', 'RABBLE_DATABASE_URL'],
    )
    const { RABBLE_ROOMS_URL: roomsUrl, RABBLE_SECRET: secret } = settings
    if (roomsUrl !== undefined && secret === undefined) {
      throw new SettingsError('RABBLE_ROOMS_URL needs RABBLE_SECRET, which signs the tokens between services')
    }
    const ground = await createGround('history', settings)
    const { app, logger, registry, clocks, tracing } = ground
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
    const internalTokens = internalTokensFrom(settings)
    const rooms =
      roomsUrl && internalTokens && overHttp(roomsUrl, internalTokens, { caller: 'history', clocks, tracing })
    const { plugin, checks, notes } = history({
      log,
      database,
      tokens: tokensFrom(settings, { logger }),
      internalTokens,
      clocks,
      metrics,
      logger,
      tracing,
      requireToken: settings.RABBLE_AUTH === 'jwt',
      ...historyConfig(settings),
      ...(rooms && { rooms, users: rooms }),
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
    return ground
  },
})

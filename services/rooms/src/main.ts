import { connectPostgres } from '@rabble/database'
import { connectRabbitMqLog } from '@rabble/event-log'
import {
  createGround,
  createInternalTokens,
  groundSettings,
  logConfig,
  logConnected,
  logSettings,
  operations,
  readSettings,
  runService,
  tokenSettings,
  tokensFrom,
} from '@rabble/service'
import { rooms } from './app.ts'
import { roomsConfig, roomsSettings } from './config.ts'
import { createMetrics } from './metrics.ts'

await runService({
  async start() {
    const settings = readSettings(
      process.env,
      [
        'RABBLE_AMQP_URL',
        'RABBLE_DATABASE_URL',
        ...groundSettings,
        ...tokenSettings,
        ...roomsSettings,
        ...logSettings,
      ],
      ['RABBLE_AMQP_URL', 'RABBLE_DATABASE_URL', 'RABBLE_SECRET'],
    )
    const config = roomsConfig(settings)
    const ground = await createGround('rooms', settings)
    const { app, logger, registry, clocks } = ground
    const tokens = tokensFrom(settings, { logger })
    const metrics = createMetrics(registry)
    const database = await connectPostgres(settings.RABBLE_DATABASE_URL, {
      name: 'rabble-rooms',
      // Each kind of work has its own share of connections (see the limits at the routes). The sweeper must always find one.
      connections: 30,
      // Less than the 4 s within which gateways are answered.
      statementTimeout: 3_000,
      onError: (error) => logger.warn({ err: error }, 'a connection to the database was lost'),
    })
    const log = await connectRabbitMqLog({
      url: settings.RABBLE_AMQP_URL,
      ...logConfig(settings),
      logger,
    })
    const { plugin, checks } = rooms({
      ...config,
      log,
      database,
      tokens,
      internalTokens: createInternalTokens(settings.RABBLE_SECRET, {
        previous: settings.RABBLE_SECRET_PREVIOUS,
      }),
      clocks,
      metrics,
      logger,
    })
    app.register(plugin)
    // Without the broker no changes are signalled, but seats are still given and counted: a note, not a failed readiness check.
    operations(app, { registry, checks, notes: { clocks: clocks.note, log: logConnected(log, registry) } })
    app.addHook('onClose', async () => {
      await log.close()
      await database.close()
    })
    return ground
  },
})

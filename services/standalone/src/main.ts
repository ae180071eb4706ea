import { openPglite } from '@rabble/database'
import { openInProcessLog } from '@rabble/event-log'
import {
  createMetrics as createGatewayMetrics,
  gateway,
  gatewayConfig,
  gatewaySettings,
  observeLog,
} from '@rabble/gateway'
import {
  createMetrics as createHistoryMetrics,
  history,
  historyConfig,
  historySettings,
} from '@rabble/history'
import { inProcess } from '@rabble/history/client'
import { createMetrics as createRoomsMetrics, rooms, roomsConfig, roomsSettings } from '@rabble/rooms'
import { inProcess as roomsInProcess } from '@rabble/rooms/client'
import {
  createGround,
  createInternalTokens,
  groundSettings,
  logConfig,
  logConnected,
  logSettings,
  operations,
  ownSecret,
  readSettings,
  runService,
  tokensFrom,
} from '@rabble/service'
import { takeCopyRequests } from './backups/copy-request.ts'
import { serveWeb } from './web.ts'

await runService({
  async start() {
    const settings = readSettings(process.env, [
      'DATA_DIR',
      ...groundSettings,
      ...logSettings,
      ...gatewaySettings,
      ...historySettings,
      ...roomsSettings,
    ])
    const config = gatewayConfig(settings)
    const ground = await createGround('rabble', settings, config.id)
    const { app, logger, registry, clocks, tracing } = ground
    const metrics = createGatewayMetrics(registry)
    const database = await openPglite(settings.DATA_DIR)
    // A secret is always needed, for the tokens of guests and those between services.
    const secret = settings.RABBLE_SECRET ?? ownSecret(settings.DATA_DIR)
    const tokens = tokensFrom({ ...settings, RABBLE_SECRET: secret }, { logger })
    const internalTokens = createInternalTokens(secret, { previous: settings.RABBLE_SECRET_PREVIOUS })
    const log = await openInProcessLog({
      database,
      ...logConfig(settings),
      observer: observeLog(metrics),
      logger,
    })

    const asHistory = roomsInProcess(app, internalTokens, { caller: 'history' })
    const past = history({
      log,
      database,
      tokens,
      internalTokens,
      clocks,
      metrics: createHistoryMetrics(registry),
      logger,
      tracing,
      requireToken: settings.RABBLE_AUTH === 'jwt',
      rooms: asHistory,
      users: asHistory,
      ...historyConfig(settings),
    })
    const seating = rooms({
      log,
      database,
      tokens,
      internalTokens,
      clocks,
      metrics: createRoomsMetrics(registry),
      logger,
      alone: true,
      ...roomsConfig(settings),
    })
    // These close after the parts that use them: hooks of one instance run last to first, and hooks of plugins before them.
    app.addHook('onClose', () => database.close())
    app.addHook('onClose', () => log.close())
    const { copyTo } = database
    if (copyTo !== undefined) {
      const backups = await takeCopyRequests(settings.DATA_DIR, { copyTo }, logger)
      app.addHook('onClose', () => backups.close())
    }
    const chat = gateway({
      ...config,
      log,
      history: inProcess(app, internalTokens),
      rooms: roomsInProcess(app, internalTokens),
      tokens,
      metrics,
      logger,
      tracing,
    })
    // Takes seconds at the first start, and all others call rooms as soon as the app is ready.
    await seating.prepare()
    await app.register(chat.plugin)
    await app.register(past.plugin)
    await app.register(seating.plugin)
    await serveWeb(app)
    operations(app, {
      registry,
      checks: {
        ...chat.checks,
        log: logConnected(log, registry),
        ...past.checks,
        ...seating.checks,
      },
      notes: { ...past.notes, clocks: clocks.note },
    })
    return {
      ...ground,
      started: (address) => process.stdout.write(`\nRabble is at ${address} (Ctrl-C stops it)\n\n`),
    }
  },
})

import { systemClock } from '@rabble/clock'
import { connectRabbitMqLog } from '@rabble/event-log'
import { overHttp } from '@rabble/history/client'
import { overHttp as roomsOverHttp } from '@rabble/rooms/client'
import {
  addressesIn,
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
  tokensFrom,
} from '@rabble/service'
import { gateway } from './app.ts'
import { addressToward, keepFinding, urlOf } from './cluster/own-address.ts'
import { gatewayConfig, gatewaySettings, publicSettings, publicWebSocket } from './config.ts'
import { takeNotices } from './external-publish/notify-consumer.ts'
import { createMetrics, observeLog } from './metrics.ts'
import { drainTimeout } from './sessions/drain.ts'
import { openPublicPort } from './transports/public-port.ts'

await runService({
  async start() {
    const settings = readSettings(
      process.env,
      [
        'RABBLE_AMQP_URL',
        'RABBLE_HISTORY_URL',
        'RABBLE_ROOMS_URL',
        ...groundSettings,
        ...logSettings,
        ...gatewaySettings,
        'RABBLE_DRAIN_MS',
        'RABBLE_GATEWAY_URL',
        ...publicSettings,
      ],
      ['RABBLE_AMQP_URL'],
    )
    const config = gatewayConfig(settings)
    const publicUrl = publicWebSocket(settings)
    const { RABBLE_ROOMS_URL: roomsUrl, RABBLE_HISTORY_URL: historyUrl, RABBLE_SECRET: secret } = settings
    if ((roomsUrl ?? historyUrl) !== undefined && secret === undefined) {
      const name = roomsUrl === undefined ? 'RABBLE_HISTORY_URL' : 'RABBLE_ROOMS_URL'
      throw new SettingsError(`${name} needs RABBLE_SECRET, which signs the tokens between services`)
    }
    const internalTokens = internalTokensFrom(settings)
    const ground = await createGround('gateway', settings, config.id)
    const { app, logger, registry, clocks, tracing } = ground
    const metrics = createMetrics(registry)
    const log = await connectRabbitMqLog({
      url: settings.RABBLE_AMQP_URL,
      ...logConfig(settings),
      observer: observeLog(metrics),
      logger,
    })
    const { hostname } = new URL(settings.RABBLE_AMQP_URL)
    const address =
      settings.RABBLE_GATEWAY_URL === undefined
        ? keepFinding(() => addressToward(hostname.replace(/^\[|\]$/g, '')), logger)
        : undefined
    const calls = { clocks, tracing }
    const { plugin, checks, core } = gateway({
      ...config,
      url() {
        if (address === undefined) return settings.RABBLE_GATEWAY_URL
        const own = address()
        const listening = app.server.address()
        if (own === undefined || listening === null || typeof listening === 'string') return undefined
        return urlOf(own, listening.port)
      },
      publicUrl,
      log,
      history: historyUrl && internalTokens ? overHttp(historyUrl, internalTokens, calls) : undefined,
      rooms: roomsUrl && internalTokens ? roomsOverHttp(roomsUrl, internalTokens, calls) : undefined,
      tokens: tokensFrom(settings, { logger }),
      metrics,
      logger,
      tracing,
    })
    await app.register(plugin)
    if (publicUrl !== undefined) {
      openPublicPort(app, {
        host: settings.HOST,
        port: settings.RABBLE_PUBLIC_PORT,
        connections: settings.RABBLE_CONNECTIONS,
        perAddress: settings.RABBLE_PUBLIC_CONNECTIONS_PER_ADDRESS,
        isProxy: addressesIn(settings.RABBLE_PUBLIC_PROXIES),
        allowedOrigins: config.allowedOrigins,
        refused: (reason) => metrics.refusedConnections.inc({ reason }),
        clock: systemClock,
      })
    }
    operations(app, {
      registry,
      checks: { ...checks, log: logConnected(log, registry) },
      notes: { clocks: clocks.note },
    })
    const notices = takeNotices({ log, gateway: core, metrics, tracing })
    app.addHook('preClose', () => notices.close())
    app.addHook('onClose', () => log.close())
    const { RABBLE_DRAIN_MS: window } = settings
    const drain = {
      // Another gateway takes the notifications from now on.
      run: async () => void (await Promise.all([notices.close(), core.drain(window)])),
      timeout: drainTimeout(window),
    }
    return { ...ground, drain }
  },
})

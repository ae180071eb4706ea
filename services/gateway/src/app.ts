import type { ReadinessCheck } from '@rabble/service'
import type { FastifyPluginAsync } from 'fastify'
import inSameScope from 'fastify-plugin'
import { publicRoute, type RouteHost } from './cluster/public-route.ts'
import type { PublishHost } from './external-publish/publishing.ts'
import { workerRoutes } from './external-publish/routes.ts'
import { createGateway, type Gateway, type GatewayOptions } from './gateway.ts'
import { transports } from './transports/index.ts'
import type { SessionHost } from './transports/transport.ts'

interface TransportNames {
  /** Names of the transports. Default: all. */
  transports?: readonly string[]
}

/** Adds the routes of a gateway: those of its transports, and those for programs. */
export function gatewayRoutes(
  core: SessionHost & PublishHost & RouteHost,
  options: Pick<GatewayOptions, 'tokens' | 'metrics' | 'workerMessagesPerSecond' | 'logger'> & TransportNames,
): FastifyPluginAsync {
  return inSameScope(async (app) => {
    for (const name of options.transports ?? transports.keys())
      await transports.get(name)?.register(app, core)
    await app.register(publicRoute(core))
    await app.register(
      workerRoutes({ ...options, gateway: core, perSecond: options.workerMessagesPerSecond }),
    )
  })
}

/**
 * Creates a gateway as a Fastify plugin, with the readiness check for `operations`. It reads the log from now on. When the app closes, the
 * sessions are closed first, with code 1001, and then the reader of the log. The caller closes the log.
 */
export function gateway(options: GatewayOptions & TransportNames): {
  plugin: FastifyPluginAsync
  checks: Record<'gateway', ReadinessCheck>
  core: Gateway
} {
  const core = createGateway(options)
  return {
    // Hooks of the WebSockets must see all requests, also those that no route takes.
    plugin: inSameScope(async (app) => {
      // Must come before the hooks of the transports, which wait for closing connections.
      app.addHook('preClose', async () => core.close())
      app.addHook('onReady', async () => core.start())
      await app.register(gatewayRoutes(core, options))
    }),
    checks: { gateway: core.unready },
    core,
  }
}

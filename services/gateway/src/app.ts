import type { FastifyInstance } from 'fastify'
import { workerRoutes } from './external-publish/routes.ts'
import { createGateway, type Gateway, type GatewayOptions } from './gateway.ts'
import { transports } from './transports/index.ts'

/**
 * Registers a gateway on a Fastify instance, which must not listen yet. The gateway reads the log from now on; `unready()` says
 * when it is ready. Closing the instance closes first the sessions, with code 1001, and then the reader of the log. The caller
 * closes the log.
 */
export async function registerGateway(
  app: FastifyInstance,
  options: GatewayOptions & {
    /** Names of the transports. Default: all. */
    transports?: readonly string[]
  },
): Promise<Gateway> {
  const gateway = createGateway(options)
  // Must come before the hooks of the transports, which wait for closing connections.
  app.addHook('preClose', async () => gateway.close())
  app.addHook('onReady', async () => gateway.start())
  for (const name of options.transports ?? transports.keys())
    await transports.get(name)?.register(app, gateway)
  await app.register(workerRoutes({ ...options, gateway, perSecond: options.workerMessagesPerSecond }))
  return gateway
}

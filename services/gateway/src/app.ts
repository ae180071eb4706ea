import type { FastifyInstance } from 'fastify'
import { workerRoutes } from './external-publish/routes.ts'
import { createGateway, type Gateway, type GatewayOptions } from './gateway.ts'
import { webSocketTransport } from './transports/websocket/transport.ts'

/**
 * A gateway on a Fastify instance, which must not listen yet. It reads the log from now on, and is to be called ready
 * when `unready()` says so. Closing the instance closes the sessions with 1001 first, then the reader; the log is the
 * caller's to close.
 */
export async function registerGateway(app: FastifyInstance, options: GatewayOptions): Promise<Gateway> {
  const gateway = createGateway(options)
  // Before the transports' own hooks, which wait for connections that are closing.
  app.addHook('preClose', async () => gateway.close())
  app.addHook('onReady', async () => gateway.start())
  await webSocketTransport.register(app, gateway)
  await app.register(workerRoutes({ ...options, gateway, perSecond: options.workerMessagesPerSecond }))
  return gateway
}

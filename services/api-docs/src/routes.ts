import { type Clock, systemClock } from '@rabble/clock'
import { defaultLimits } from '@rabble/contract'
import { createMetrics as gatewayMetrics, gatewayRoutes } from '@rabble/gateway'
import { history, createMetrics as historyMetrics } from '@rabble/history'
import { rooms, createMetrics as roomsMetrics } from '@rabble/rooms'
import { createApp, createLogger, described } from '@rabble/service'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { Registry } from 'prom-client'

export interface Route {
  method: string
  /** With parameters as Fastify writes them: `/api/rooms/:room`. */
  url: string
  schema: FastifySchema
}

/** Transports whose routes belong to protocols of others; their own pages describe them. */
const transports = ['websocket', 'sse', 'polling']

/** Clock whose timers never end. */
const stopped: Clock = {
  ...systemClock,
  setTimeout: () => ({ cancel() {}, unref() {} }),
  setInterval: () => ({ cancel() {}, unref() {} }),
}

/** Returns a part that no route uses before its first request. */
function unused<Part extends object>(own: object = {}): Part {
  return new Proxy(own, {
    get(target, name) {
      if (name in target) return Reflect.get(target, name)
      return () => {
        throw new Error(`${String(name)} was called, though nothing is started`)
      }
    },
  }) as Part
}

/** Of Nginx, which the services know nothing of. */
const forgetRoute: Route = {
  method: 'POST',
  url: '/api/route/forget',
  schema: described({
    summary: 'Leave the gateway',
    caller: 'nobody',
    answers: { 204: undefined },
    errors: ['not-found'],
  }),
}

/** Returns the public routes of all services, and that of Nginx. The services are composed, but not started: they open nothing. */
export async function publicRoutes(): Promise<Route[]> {
  const app = createApp({ logger: createLogger('api-docs', 'silent') })
  const routes: Route[] = []
  app.addHook('onRoute', ({ method, url, schema }) => {
    for (const one of [method].flat()) routes.push({ method: one, url, schema: schema ?? {} })
  })
  await compose(app)
  return [
    ...routes.filter(({ method, url }) => method !== 'HEAD' && !url.startsWith('/internal/')),
    forgetRoute,
  ]
}

async function compose(app: FastifyInstance): Promise<void> {
  const parts = {
    clock: stopped,
    log: unused<never>({ partitions: 1 }),
    database: unused<never>(),
    tokens: unused<never>(),
    internalTokens: unused<never>(),
    clocks: unused<never>(),
    logger: createLogger('api-docs', 'silent'),
  }
  const host = unused<Parameters<typeof gatewayRoutes>[0]>({
    id: 'gateway',
    limits: defaultLimits,
    clock: stopped,
    closed: false,
  })
  const chat = { ...parts, transports, metrics: gatewayMetrics(new Registry()), workerMessagesPerSecond: 200 }
  await app.register(gatewayRoutes(host, chat))
  await app.register(history({ ...parts, metrics: historyMetrics(new Registry()) }).plugin)
  await app.register(rooms({ ...parts, metrics: roomsMetrics(new Registry()), mode: 'open' }).plugin)
}

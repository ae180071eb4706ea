import type { Server } from 'node:http'
import { systemClock } from '@rabble/clock'
import { defaultLimits, type Limits } from '@rabble/contract'
import type { EventLog } from '@rabble/event-log'
import { createApp, createLogger, createTokens, operations, type Tokens } from '@rabble/service'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { createMetrics, gateway as createPlugin, type Gateway, type GatewayOptions } from '../src/index.ts'
import { openPublicPort, type PublicPortOptions } from '../src/transports/public-port.ts'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'

export const secret = 'a secret for tests, of forty characters.'

export interface TestGateway<Log extends EventLog = MemoryLog> {
  gateway: Gateway
  log: Log
  tokens: Tokens
  /** `ws://127.0.0.1:<port>/ws` */
  ws: string
  /** `http://127.0.0.1:<port>` */
  http: string
  /** Returns the value of a metric, summed over its labels unless some are given. */
  metric(name: string, labels?: Record<string, string>): Promise<number>
  /** The HTTP server that listens there. */
  server: Server
  close(): Promise<void>
}

type Options = Partial<Omit<GatewayOptions, 'limits' | 'log'>> & {
  limits?: Partial<Limits>
  log?: MemoryLog
  /** Whether to wait until the gateway is ready. Default: true. */
  ready?: boolean
  /** Default: a free port. */
  port?: number
  /** Names of the transports. Default: all. */
  transports?: readonly string[]
  /** Options of its public port. Default: it has none. */
  publicPort?: Partial<PublicPortOptions> & { port: number }
}

/**
 * Starts a gateway in this process, on a port of its own. It is closed with the test. It has longer timeouts than others: a
 * machine that stalls for a while must not decide the result of a test.
 */
export async function build(t: Test, options: Options = {}): Promise<TestGateway> {
  const { clock = systemClock, ready = true } = options
  const log = options.log ?? createMemoryLog(1, { clock })
  const registry = new Registry()
  const { logger = createLogger('gateway', 'silent') } = options
  const app = createApp({ logger, trustedProxies: '127.0.0.1' })
  const tokens = createTokens(secret)
  const {
    plugin,
    checks,
    core: gateway,
  } = createPlugin({
    tokens,
    auth: 'guest',
    allowedOrigins: new Set(),
    compression: true,
    connections: 10_000,
    helloTimeout: 120_000,
    heartbeat: 25_000,
    recent: { perRoom: 2000, totalBytes: 64 * 1024 * 1024 },
    replayBytes: 256 * 1024 * 1024,
    loginsPerMinute: 100_000,
    replayBytesPerSecond: 256 * 1024 * 1024,
    workerMessagesPerSecond: 10_000,
    createdRoomsOnly: false,
    historyTimes: { timeout: 120_000, notFoundGrace: 750 },
    drainTimes: { reconnectGrace: 120_000, confirmTimeout: 120_000 },
    metrics: createMetrics(registry),
    logger,
    ...options,
    log,
    limits: { ...defaultLimits, messagesPerSecond: 10_000, messageBurst: 10_000, ...options.limits },
  })
  await app.register(plugin)
  operations(app, { registry, checks })
  if (options.publicPort !== undefined) {
    const refused = () => {}
    const limits = {
      host: '127.0.0.1',
      connections: 10_000,
      perAddress: 1_000,
      isProxy: () => false,
      allowedOrigins: new Set(''),
    }
    openPublicPort(app, { ...limits, refused, clock, ...options.publicPort })
  }
  const http = await app.listen({ port: options.port ?? 0, host: '127.0.0.1' })
  t.teardown(async () => {
    await app.close()
    if (options.log === undefined) await log.close()
  })
  while (ready && gateway.unready() !== undefined) await new Promise(setImmediate)
  return {
    gateway,
    log,
    tokens,
    http,
    ws: `${http.replace('http', 'ws')}/ws`,
    async metric(name, labels = {}) {
      const metric = registry.getSingleMetric(name)
      if (metric === undefined) throw new Error(`there is no metric ${name}`)
      const { values } = await metric.get()
      return values
        .filter(({ labels: own }) =>
          Object.entries(labels).every(([key, value]) => own[key as never] === value),
        )
        .reduce((sum, { value }) => sum + value, 0)
    },
    server: app.server,
    close: () => app.close(),
  }
}

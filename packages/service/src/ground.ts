import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { Gauge, Registry } from 'prom-client'
import { createApp } from './app.ts'
import { type ClockWatch, watchClocks } from './clock-watch.ts'
import { createLogger, type Logger, standardOutput } from './logger.ts'
import { parseOrigins } from './origin.ts'
import type { SettingName, Settings } from './settings.ts'
import { startTracing } from './tracing/start.ts'
import type { Tracing } from './tracing/tracing.ts'

/** The settings that every process reads. */
export const groundSettings = [
  'HOST',
  'PORT',
  'LOG_LEVEL',
  'LOG_FORMAT',
  'RABBLE_TRUSTED_PROXIES',
  'RABBLE_ALLOWED_ORIGINS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
] as const satisfies SettingName[]

/** The parts with which every process begins. */
export interface Ground {
  logger: Logger
  /** All metrics of the process but its own. */
  registry: Registry
  /** Compares the clock with those of other machines. */
  clocks: ClockWatch
  /** Undefined while traces are off. */
  tracing: Tracing | undefined
  app: FastifyInstance
  host: string
  port: number
}

/**
 * Creates the ground of a process. `service` is the name of the service in logs and metrics, and `gateway` the id of the gateway
 * in this process, if there is one: each line of the log has it.
 */
export async function createGround(
  service: string,
  settings: Settings<(typeof groundSettings)[number], never>,
  gateway?: string,
): Promise<Ground> {
  let tracing: Tracing | undefined
  const traced = settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : () => tracing?.current()
  const all = createLogger(service, settings.LOG_LEVEL, standardOutput(settings.LOG_FORMAT), traced)
  const logger = gateway === undefined ? all : all.child({ gateway })
  const registry = new Registry()
  const name = gateway ?? hostname()
  nameProcess(registry, { service, name })
  const started = await startTracing({ settings, service, name, registry, logger })
  tracing = started
  const app = createApp({
    logger,
    ...(started && { tracing: started }),
    trustedProxies: settings.RABBLE_TRUSTED_PROXIES,
    allowedOrigins: parseOrigins(settings.RABBLE_ALLOWED_ORIGINS),
  })
  // The first hook is the last to run: spans end until then.
  if (started !== undefined) app.addHook('onClose', () => started.close())
  return {
    logger,
    registry,
    clocks: watchClocks({ registry, logger }),
    tracing: started,
    app,
    host: settings.HOST,
    port: settings.PORT,
  }
}

/** Adds the metric by which a process can be recognised. */
export function nameProcess(registry: Registry, labels: { service: string; name: string }): void {
  new Gauge({
    name: 'rabble_info',
    help: 'Always 1. Which service this is, and its name: the id of a gateway, the name of the host otherwise.',
    labelNames: ['service', 'name'] as const,
    registers: [registry],
  }).set(labels, 1)
}

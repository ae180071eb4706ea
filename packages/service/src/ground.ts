import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { Gauge, Registry } from 'prom-client'
import { createApp } from './app.ts'
import { type ClockWatch, watchClocks } from './clock-watch.ts'
import { createLogger, type Logger, standardOutput } from './logger.ts'
import { parseOrigins } from './origin.ts'
import type { SettingName, Settings } from './settings.ts'

/** The settings that every process reads. */
export const groundSettings = [
  'HOST',
  'PORT',
  'LOG_LEVEL',
  'LOG_FORMAT',
  'RABBLE_TRUSTED_PROXIES',
  'RABBLE_ALLOWED_ORIGINS',
] as const satisfies SettingName[]

/** The parts with which every process begins. */
export interface Ground {
  logger: Logger
  /** All metrics of the process but its own. */
  registry: Registry
  /** Compares the clock with those of other machines. */
  clocks: ClockWatch
  app: FastifyInstance
  host: string
  port: number
}

/**
 * Creates the ground of a process. `service` is the name of the service in logs and metrics, and `gateway` the id of the gateway
 * in this process, if there is one: each line of the log has it.
 */
export function createGround(
  service: string,
  settings: Settings<(typeof groundSettings)[number], never>,
  gateway?: string,
): Ground {
  const all = createLogger(service, settings.LOG_LEVEL, standardOutput(settings.LOG_FORMAT))
  const logger = gateway === undefined ? all : all.child({ gateway })
  const registry = new Registry()
  nameProcess(registry, { service, name: gateway ?? hostname() })
  const app = createApp({
    logger,
    trustedProxies: settings.RABBLE_TRUSTED_PROXIES,
    allowedOrigins: parseOrigins(settings.RABBLE_ALLOWED_ORIGINS),
  })
  return {
    logger,
    registry,
    clocks: watchClocks({ registry, logger }),
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

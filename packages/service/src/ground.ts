import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
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

/** `name` is the service's, in logs. */
export function createGround(
  name: string,
  settings: Settings<(typeof groundSettings)[number], never>,
): Ground {
  const logger = createLogger(name, settings.LOG_LEVEL, standardOutput(settings.LOG_FORMAT))
  const registry = new Registry()
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

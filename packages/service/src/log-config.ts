import { defaultRetention, type EventLog, type PublishLimits, type Retention } from '@rabble/event-log'
import { Gauge, type Registry } from 'prom-client'
import type { ReadinessCheck } from './operations.ts'
import type { SettingName, Settings } from './settings.ts'

/** Settings of every service that opens a log, besides the log's location. */
export const logSettings = [
  'RABBLE_PREFIX',
  'RABBLE_PARTITIONS',
  'RABBLE_LOG_RETENTION_HOURS',
  'RABBLE_PUBLISH_TIMEOUT_MS',
  'RABBLE_WAITING_EVENTS',
  'RABBLE_WAITING_BYTES',
] as const satisfies SettingName[]

/** Returns the settings as options of a log. */
export function logConfig(settings: Settings<(typeof logSettings)[number], never>): {
  prefix: string
  partitions: number
  limits: PublishLimits
  retention: Retention
} {
  return {
    prefix: settings.RABBLE_PREFIX,
    partitions: settings.RABBLE_PARTITIONS,
    limits: {
      maxWaiting: settings.RABBLE_WAITING_EVENTS,
      maxWaitingBytes: settings.RABBLE_WAITING_BYTES,
      publishTimeout: settings.RABBLE_PUBLISH_TIMEOUT_MS,
    },
    retention: { ...defaultRetention, maxAge: settings.RABBLE_LOG_RETENTION_HOURS * 60 * 60 * 1000 },
  }
}

/**
 * Returns a check that succeeds while events can be published. A metric in `registry` has the same value, since not every service
 * is unready without the log.
 */
export function logConnected(log: Pick<EventLog, 'status'>, registry: Registry): ReadinessCheck {
  new Gauge({
    name: 'rabble_log_connected',
    help: '1 while the service can reach the log, 0 while it can not. A gateway without it is not ready; history and rooms still answer.',
    registers: [registry],
    collect() {
      this.set(log.status().connected ? 1 : 0)
    },
  })
  return () => {
    const { connected, reason, problem } = log.status()
    return problem ?? (connected ? undefined : (reason ?? 'not connected'))
  }
}

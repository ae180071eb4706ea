import type { SettingName, Settings } from '@rabble/service'
import type { Retention } from './jobs/retention.ts'

/** Settings that history reads from the environment, alone or together with others in one process. */
export const historySettings = [
  'RABBLE_HISTORY_RETENTION_DAYS',
  'RABBLE_HISTORY_MESSAGES_PER_ROOM',
] as const satisfies SettingName[]

/** Returns the settings as options of history. */
export function historyConfig(settings: Settings<(typeof historySettings)[number], never>): {
  retention?: Retention
} {
  const days = settings.RABBLE_HISTORY_RETENTION_DAYS
  const maxMessages = settings.RABBLE_HISTORY_MESSAGES_PER_ROOM
  if (days === undefined && maxMessages === undefined) return {}
  return {
    retention: {
      ...(days !== undefined && { maxAge: days * 24 * 60 * 60 * 1000 }),
      ...(maxMessages !== undefined && { maxMessages }),
    },
  }
}

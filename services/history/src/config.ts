import type { SettingName, Settings } from '@rabble/service'
import type { Retention } from './jobs/retention.ts'

/** What the history itself reads from the environment, wherever it runs. */
export const historySettings = [
  'RABBLE_HISTORY_RETENTION_DAYS',
  'RABBLE_HISTORY_MESSAGES_PER_ROOM',
] as const satisfies SettingName[]

/** The settings as options of a history. */
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

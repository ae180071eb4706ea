import { createECDH } from 'node:crypto'
import { parseHosts, type SettingName, type Settings, SettingsError } from '@rabble/service'
import type { Retention } from './jobs/retention.ts'
import type { PushConfig } from './push/push.ts'
import type { Webhook, WebhookEvents } from './webhooks/webhook.ts'

/** Settings that history reads from the environment, alone or together with others in one process. */
export const historySettings = [
  'RABBLE_HISTORY_RETENTION_DAYS',
  'RABBLE_HISTORY_MESSAGES_PER_ROOM',
  'RABBLE_WEBHOOK_URL',
  'RABBLE_WEBHOOK_SECRET',
  'RABBLE_WEBHOOK_EVENTS',
  'RABBLE_WEBHOOK_START',
  'RABBLE_VAPID_PUBLIC_KEY',
  'RABBLE_VAPID_PRIVATE_KEY',
  'RABBLE_VAPID_SUBJECT',
  'RABBLE_PUSH_HOSTS',
] as const satisfies SettingName[]

type HistorySettings = Settings<(typeof historySettings)[number], never>

/**
 * Returns the settings as options of history.
 * @throws SettingsError if a webhook has no secret, or if settings of pushes are missing or don't fit
 */
export function historyConfig(settings: HistorySettings): {
  retention?: Retention
  webhook?: Webhook
  push?: PushConfig
} {
  const retention = retentionOf(settings)
  const webhook = webhookOf(settings)
  const push = pushOf(settings)
  return { ...(retention && { retention }), ...(webhook && { webhook }), ...(push && { push }) }
}

function retentionOf(settings: HistorySettings): Retention | undefined {
  const days = settings.RABBLE_HISTORY_RETENTION_DAYS
  const maxMessages = settings.RABBLE_HISTORY_MESSAGES_PER_ROOM
  if (days === undefined && maxMessages === undefined) return undefined
  return {
    ...(days !== undefined && { maxAge: days * 24 * 60 * 60 * 1000 }),
    ...(maxMessages !== undefined && { maxMessages }),
  }
}

function webhookOf(settings: HistorySettings): Webhook | undefined {
  const { RABBLE_WEBHOOK_URL: url, RABBLE_WEBHOOK_SECRET: secret } = settings
  if (url === undefined) return undefined
  if (secret === undefined) {
    throw new SettingsError('RABBLE_WEBHOOK_URL needs RABBLE_WEBHOOK_SECRET, which signs the requests')
  }
  return {
    url,
    secret,
    // The rule of the setting allows only these names.
    events: new Set(settings.RABBLE_WEBHOOK_EVENTS.split(',') as WebhookEvents[]),
    start: settings.RABBLE_WEBHOOK_START,
  }
}

function pushOf(settings: HistorySettings): PushConfig | undefined {
  const {
    RABBLE_VAPID_PUBLIC_KEY: publicKey,
    RABBLE_VAPID_PRIVATE_KEY: privateKey,
    RABBLE_VAPID_SUBJECT: subject,
  } = settings
  if (publicKey === undefined && privateKey === undefined && subject === undefined) return undefined
  if (publicKey === undefined || privateKey === undefined || subject === undefined) {
    throw new SettingsError(
      'RABBLE_VAPID_PUBLIC_KEY, RABBLE_VAPID_PRIVATE_KEY and RABBLE_VAPID_SUBJECT need each other',
    )
  }
  if (publicKeyOf(privateKey) !== publicKey) {
    throw new SettingsError('RABBLE_VAPID_PUBLIC_KEY is not the key of RABBLE_VAPID_PRIVATE_KEY')
  }
  return { publicKey, privateKey, subject, hosts: parseHosts(settings.RABBLE_PUSH_HOSTS) }
}

function publicKeyOf(privateKey: string): string {
  const pair = createECDH('prime256v1')
  try {
    pair.setPrivateKey(privateKey, 'base64url')
  } catch {
    throw new SettingsError('RABBLE_VAPID_PRIVATE_KEY is no private key of P-256')
  }
  return pair.getPublicKey('base64url')
}

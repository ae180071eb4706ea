import { enoughBytes, isRoomName, type Limits } from '@rabble/contract'
import {
  type groundSettings,
  parseOrigins,
  parseWords,
  type SettingName,
  type Settings,
  SettingsError,
  tokenSettings,
} from '@rabble/service'
import { newGatewayId } from './cluster/gateway-id.ts'
import type { GatewayOptions } from './gateway.ts'
import { transports } from './transports/index.ts'

/** Settings that a gateway reads from the environment, besides those of every process and that of the log. */
export const gatewaySettings = [
  ...tokenSettings,
  'RABBLE_GATEWAY_NAME',
  'RABBLE_TRANSPORTS',
  'RABBLE_LOBBY',
  'RABBLE_CONNECTIONS',
  'RABBLE_HELLO_TIMEOUT_MS',
  'RABBLE_HEARTBEAT_MS',
  'RABBLE_CONNECTION_HOURS',
  'RABBLE_COMPRESSION',
  'RABBLE_FRAME_BYTES',
  'RABBLE_TEXT_CHARACTERS',
  'RABBLE_MESSAGES_PER_SECOND',
  'RABBLE_MESSAGE_BURST',
  'RABBLE_ROOMS_PER_SESSION',
  'RABBLE_UNSENT_BYTES',
  'RABBLE_RECENT_PER_ROOM',
  'RABBLE_RECENT_BYTES',
  'RABBLE_REPLAY_BYTES',
  'RABBLE_REPLAY_BYTES_PER_SECOND',
  'RABBLE_WORKER_MESSAGES_PER_SECOND',
  'RABBLE_LOGINS_PER_MINUTE',
  'RABBLE_ROOMS',
  'RABBLE_BLOCKED_WORDS',
  'RABBLE_BLOCKED_WORDS_ACTION',
  'RABBLE_BEFORE_PUBLISH_URL',
  'RABBLE_BEFORE_PUBLISH_SECRET',
  'RABBLE_BEFORE_PUBLISH_TIMEOUT_MS',
  'RABBLE_BEFORE_PUBLISH_POLICY',
] as const satisfies SettingName[]

/** Settings of a gateway that clients may also reach without Nginx. */
export const publicSettings = [
  'RABBLE_PUBLIC_URL',
  'RABBLE_PUBLIC_PORT',
  'RABBLE_PUBLIC_PROXIES',
  'RABBLE_PUBLIC_CONNECTIONS_PER_ADDRESS',
] as const satisfies SettingName[]

type PublicSettings = Settings<
  (typeof publicSettings)[number] | 'RABBLE_ALLOWED_ORIGINS' | 'RABBLE_TRANSPORTS',
  never
>

/**
 * Returns the URL of the WebSocket at the gateway's own public address, or undefined if it has none.
 * @throws SettingsError if no page could connect there, or nothing could
 */
export function publicWebSocket(settings: PublicSettings): string | undefined {
  const { RABBLE_PUBLIC_URL: url } = settings
  if (url === undefined) return undefined
  if (settings.RABBLE_ALLOWED_ORIGINS === '') {
    throw new SettingsError(
      'RABBLE_PUBLIC_URL needs RABBLE_ALLOWED_ORIGINS: the origin of the chat page, such as https://chat.example, which is another one than that of this gateway',
    )
  }
  if (!settings.RABBLE_TRANSPORTS.split(',').includes('websocket')) {
    throw new SettingsError('RABBLE_PUBLIC_URL needs websocket in RABBLE_TRANSPORTS')
  }
  return `${new URL(url.replace(/^http/, 'ws')).origin}/ws`
}

type GatewaySettings = Settings<(typeof groundSettings | typeof gatewaySettings)[number], never>

/**
 * Returns the settings as options of a gateway.
 * @throws SettingsError if an allowed text may be too large for a frame, a transport is unknown, or a setting lacks another one
 */
export function gatewayConfig(
  settings: GatewaySettings,
): Pick<
  GatewayOptions,
  | 'id'
  | 'auth'
  | 'limits'
  | 'allowedOrigins'
  | 'connections'
  | 'helloTimeout'
  | 'heartbeat'
  | 'maxConnectionAge'
  | 'compression'
  | 'recent'
  | 'replayBytes'
  | 'loginsPerMinute'
  | 'replayBytesPerSecond'
  | 'workerMessagesPerSecond'
  | 'createdRoomsOnly'
  | 'lobby'
  | 'wordFilter'
  | 'beforePublish'
> & { id: string; transports: string[] } {
  const limits: Limits = {
    frameBytes: settings.RABBLE_FRAME_BYTES,
    textCharacters: settings.RABBLE_TEXT_CHARACTERS,
    messagesPerSecond: settings.RABBLE_MESSAGES_PER_SECOND,
    messageBurst: settings.RABBLE_MESSAGE_BURST,
    roomsPerSession: settings.RABBLE_ROOMS_PER_SESSION,
    unsentBytes: settings.RABBLE_UNSENT_BYTES,
  }
  const enough = enoughBytes(limits.textCharacters)
  if (limits.frameBytes < enough) {
    throw new SettingsError(
      `RABBLE_FRAME_BYTES must be at least ${enough}, so that every text of ${limits.textCharacters} characters (RABBLE_TEXT_CHARACTERS) fits, but is ${limits.frameBytes}`,
    )
  }
  const names = settings.RABBLE_TRANSPORTS.split(',')
  const unknown = names.find((name) => !transports.has(name))
  if (unknown !== undefined) {
    throw new SettingsError(
      `RABBLE_TRANSPORTS must name some of ${[...transports.keys()].join(', ')}, but has "${unknown}"`,
    )
  }
  if (!isRoomName(settings.RABBLE_LOBBY)) throw new SettingsError('RABBLE_LOBBY must be the name of a room')
  return {
    id: newGatewayId(settings.RABBLE_GATEWAY_NAME),
    lobby: settings.RABBLE_LOBBY,
    transports: names,
    auth: settings.RABBLE_AUTH,
    limits,
    allowedOrigins: parseOrigins(settings.RABBLE_ALLOWED_ORIGINS),
    connections: settings.RABBLE_CONNECTIONS,
    helloTimeout: settings.RABBLE_HELLO_TIMEOUT_MS,
    heartbeat: settings.RABBLE_HEARTBEAT_MS,
    maxConnectionAge: settings.RABBLE_CONNECTION_HOURS * 60 * 60 * 1000,
    compression: settings.RABBLE_COMPRESSION === 'on',
    recent: { perRoom: settings.RABBLE_RECENT_PER_ROOM, totalBytes: settings.RABBLE_RECENT_BYTES },
    replayBytes: settings.RABBLE_REPLAY_BYTES,
    replayBytesPerSecond: settings.RABBLE_REPLAY_BYTES_PER_SECOND,
    createdRoomsOnly: settings.RABBLE_ROOMS === 'closed',
    loginsPerMinute: settings.RABBLE_LOGINS_PER_MINUTE,
    workerMessagesPerSecond: settings.RABBLE_WORKER_MESSAGES_PER_SECOND,
    wordFilter:
      settings.RABBLE_BLOCKED_WORDS === undefined
        ? undefined
        : {
            words: parseWords(settings.RABBLE_BLOCKED_WORDS),
            action: settings.RABBLE_BLOCKED_WORDS_ACTION,
          },
    beforePublish: beforePublishConfig(settings),
  }
}

function beforePublishConfig(settings: GatewaySettings): GatewayOptions['beforePublish'] {
  const { RABBLE_BEFORE_PUBLISH_URL: url, RABBLE_BEFORE_PUBLISH_SECRET: secret } = settings
  if (url === undefined) return undefined
  if (secret === undefined) {
    throw new SettingsError(
      'RABBLE_BEFORE_PUBLISH_URL needs RABBLE_BEFORE_PUBLISH_SECRET, with which the program at that URL verifies who asks',
    )
  }
  return {
    url,
    secret,
    timeout: settings.RABBLE_BEFORE_PUBLISH_TIMEOUT_MS,
    policy: settings.RABBLE_BEFORE_PUBLISH_POLICY,
  }
}

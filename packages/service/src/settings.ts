import proxyAddr from '@fastify/proxy-addr'
import { Type } from '@rabble/contract/typebox'
import { brokenByOrigins } from './origin.ts'
import { pushSettings } from './push-settings.ts'
import { brokenByRoles } from './role-mapping.ts'
import { tracingSettings } from './tracing-settings.ts'
import { beforePublishSettings, webhookSettings } from './webhook-settings.ts'
import { wordFilterSettings } from './word-filter-settings.ts'

/**
 * Returns the rule that a list of proxies breaks, or undefined. Fastify checks the same, but its error doesn't name the setting.
 */
function brokenByProxies(list: string): string | undefined {
  try {
    proxyAddr.compile(list.split(',').map((entry) => entry.trim()))
    return undefined
  } catch {
    return 'must be addresses or networks, separated by commas'
  }
}

/** Returns the rule that a URL breaks and that a pattern can't express, or undefined. */
function brokenByUrl(url: string): string | undefined {
  return URL.canParse(url) ? undefined : 'must be a valid URL'
}

/**
 * All environment variables of all services: type, rule, default and meaning. Each service reads those that it uses. A test
 * compares them with the table in docs/operations.md. `broken` returns the rule that a value breaks if the schema can't express
 * it.
 */
export const settings = {
  PORT: {
    schema: Type.Integer({ minimum: 0, maximum: 65535 }),
    default: 8080,
    about: 'TCP port to listen on. 0: any free port.',
  },
  HOST: {
    schema: Type.String(),
    default: '127.0.0.1',
    about: 'Address to listen on; `0.0.0.0` in a container.',
  },
  DATA_DIR: {
    schema: Type.String(),
    default: './data',
    about: 'Folder of the built-in database.',
  },
  LOG_LEVEL: {
    schema: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    default: 'info',
    about: 'Minimum severity of log lines.',
  },
  LOG_FORMAT: {
    schema: Type.Enum(['auto', 'json', 'pretty']),
    default: 'auto',
    about:
      'Form of the log: `json`, `pretty` for people, or `auto`: `pretty` on a terminal, otherwise `json`.',
  },
  RABBLE_AMQP_URL: {
    schema: Type.String({ pattern: /^amqps?:\/\// }),
    broken: brokenByUrl,
    about: 'RabbitMQ: `amqp://user:password@host:5672/vhost`.',
  },
  RABBLE_DATABASE_URL: {
    schema: Type.String({ pattern: /^postgres(ql)?:\/\// }),
    about: 'PostgreSQL: `postgres://user:password@host:5432/database`.',
  },
  RABBLE_HISTORY_URL: {
    schema: Type.String({ pattern: /^https?:\/\// }),
    broken: brokenByUrl,
    about:
      'URL of history, for gateways, such as `http://history:8080`. Without it they resume clients from memory only. Needs `RABBLE_SECRET`.',
  },
  RABBLE_GATEWAY_NAME: {
    schema: Type.String({ pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/ }),
    about:
      'Name of a gateway: 1 to 48 of A-Z a-z 0-9 . _ -. Its id, which clients see as well, is this name and eight more characters that differ at each start. Default: the name of the host.',
  },
  RABBLE_ROOMS_URL: {
    schema: Type.String({ pattern: /^https?:\/\// }),
    broken: brokenByUrl,
    about:
      'URL of rooms, for gateways and history, such as `http://rooms:8080`. Without it each gateway knows only its own members and no limits of rooms, and history applies the same retention to all rooms. Needs `RABBLE_SECRET`.',
  },
  RABBLE_ROOMS: {
    schema: Type.Enum(['open', 'closed']),
    default: 'open',
    about:
      '`open`: a room appears when somebody joins it; `closed`: only rooms that were created can be joined.',
  },
  RABBLE_ROOM_CREATION: {
    schema: Type.Enum(['everybody', 'moderators']),
    default: 'everybody',
    about:
      'Users that may create rooms over HTTP. `everybody`: all users with a token, also guests; `moderators`: moderators only.',
  },
  RABBLE_ROOMS_PER_HOUR: {
    schema: Type.Integer({ minimum: 1, maximum: 500 }),
    default: 20,
    about:
      'Rooms that a user may create within an hour. Ten times as many may come from one address. Moderators have no limit.',
  },
  RABBLE_APPEARING_ROOMS_PER_HOUR: {
    schema: Type.Integer({ minimum: 1 }),
    default: 100,
    about:
      'Rooms that may appear within an hour because one user joins them, at each replica of rooms. Ten times as many may appear for one address.',
  },
  RABBLE_AUDIT_DAYS: {
    schema: Type.Integer({ minimum: 1, maximum: 36_500 }),
    default: 365,
    about:
      'Days for which the audit (`GET /api/audit`) is kept. Refused logins are kept for 30 days at most.',
  },
  RABBLE_SECRET: {
    schema: Type.String({ minLength: 32 }),
    about:
      'Key that signs the tokens of users and those between services (HS256). The same for all services.',
  },
  RABBLE_SECRET_PREVIOUS: {
    schema: Type.String({ minLength: 32 }),
    about:
      'A second secret: tokens that it signed are valid as well, and nothing is signed with it. For a [change of the secret](#change-the-secret).',
  },
  RABBLE_AUTH: {
    schema: Type.Enum(['guest', 'jwt']),
    default: 'guest',
    about: 'How users sign in. `guest`: with a name or a token; `jwt`: with a token only.',
  },
  RABBLE_JWT_SECRET: {
    schema: Type.String({ minLength: 32 }),
    about:
      'With `RABBLE_AUTH=jwt`: the secret of the issuer of tokens (HS256, HS384, HS512). Must not be `RABBLE_SECRET`.',
  },
  RABBLE_JWT_PUBLIC_KEY: {
    schema: Type.String({ pattern: /^-----BEGIN / }),
    about: 'Instead of a secret: the issuer’s public key (PEM): RSA, P-256, P-384, P-521 or Ed25519.',
  },
  RABBLE_JWT_JWKS_URL: {
    schema: Type.String({ pattern: /^https?:\/\// }),
    broken: brokenByUrl,
    about:
      'Instead of a secret: the URL of the issuer’s public keys, such as `https://login.example/.well-known/jwks.json`.',
  },
  RABBLE_JWT_ALGORITHMS: {
    schema: Type.String(),
    about:
      'Algorithms that the issuer uses, separated by commas, such as `RS256`. Default: all that fit the key.',
  },
  RABBLE_JWT_AUDIENCE: {
    schema: Type.String(),
    about: 'The `aud` that the issuer’s tokens must have. Default: `rabble`.',
  },
  RABBLE_JWT_ISSUER: {
    schema: Type.String(),
    about: 'The `iss` that they must have. Default: any issuer.',
  },
  RABBLE_OIDC_ISSUER: {
    schema: Type.String({ pattern: /^https?:\/\/[^?#\s]+$/ }),
    broken: brokenByUrl,
    about:
      'Issuer of OpenID Connect with which people [sign in](sign-in.md) on the chat page, such as `https://login.example/realms/team`. Needs `RABBLE_OIDC_CLIENT_ID`. Default: none.',
  },
  RABBLE_OIDC_CLIENT_ID: {
    schema: Type.String(),
    about: 'Id of Rabble as a client of this issuer.',
  },
  RABBLE_OIDC_CLIENT_SECRET: {
    schema: Type.String(),
    about: 'Secret of this client. Default: none, for a public client.',
  },
  RABBLE_OIDC_SCOPES: {
    schema: Type.String({ pattern: /^(?:\S+ )*openid(?: \S+)*$/ }),
    default: 'openid profile',
    about: 'Scopes to ask for, separated by spaces. One of them is `openid`.',
  },
  RABBLE_OIDC_ROLES_CLAIM: {
    schema: Type.String(),
    about:
      'Claim with the groups or roles of a person, such as `groups` or `realm_access.roles`. Needs `RABBLE_OIDC_ROLES`. Default: nobody has a role.',
  },
  RABBLE_OIDC_ROLES: {
    schema: Type.String(),
    broken: brokenByRoles,
    about:
      'Role by value of that claim: pairs such as `chat-admins=moderator`, separated by commas. Programs have their tokens elsewhere, so `service` and `direct-reader` can’t be given.',
  },
  RABBLE_OIDC_HOURS: {
    schema: Type.Integer({ minimum: 1, maximum: 8_760 }),
    default: 168,
    about: 'Hours after which a person must sign in again, which reads name and roles anew.',
  },
  RABBLE_OIDC_REDIRECT_URL: {
    schema: Type.String({ pattern: /^https?:\/\/[^?#\s]+\/api\/sign-in\/callback$/ }),
    broken: brokenByUrl,
    about:
      'Where the issuer sends browsers back, as it is registered there. Default: `/api/sign-in/callback` at the address by which the browser came, which a proxy must pass on.',
  },
  RABBLE_ALLOWED_ORIGINS: {
    schema: Type.String(),
    broken: brokenByOrigins,
    default: '',
    about:
      'Origins, separated by commas, whose pages may use Rabble (WebSocket and CORS), besides Rabble’s own origin: `https://chat.example`, `https://*.example.com`, `capacitor://localhost`, `null`. The same for all services.',
  },
  RABBLE_TRUSTED_PROXIES: {
    schema: Type.String(),
    broken: brokenByProxies,
    default: '',
    about:
      'Addresses and networks (`10.0.0.0/8`) of trusted proxies, separated by commas. Their `X-Forwarded-For`, `-Proto` and `-Host` are believed.',
  },
  RABBLE_LOGINS_PER_MINUTE: {
    schema: Type.Integer({ minimum: 1 }),
    default: 300,
    about:
      'Maximum number of sign-ins of one address (IPv6: network) within a minute at each replica of rooms, and of its new guests at each gateway.',
  },
  RABBLE_GUEST_DAYS: {
    schema: Type.Integer({ minimum: 1, maximum: 365 }),
    default: 30,
    about:
      'Days since their last use for which the chat page keeps its guests, in a cookie, and Rabble their names.',
  },
  RABBLE_GUESTS_PER_ADDRESS: {
    schema: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    default: 2_000,
    about:
      'Maximum number of guests of one address (IPv6: network) that are kept so. A new one beyond that takes the place of the one that was not used for longest.',
  },
  RABBLE_PREFIX: {
    schema: Type.String({ pattern: /^[A-Za-z0-9._-]{1,64}$/ }),
    default: 'rabble',
    about: 'Prefix of all names in RabbitMQ.',
  },
  RABBLE_PARTITIONS: {
    schema: Type.Integer({ minimum: 1, maximum: 64 }),
    default: 1,
    about: 'Partitions of the log. The same for all services. Must not change once there are messages.',
  },
  RABBLE_LOG_RETENTION_HOURS: {
    schema: Type.Integer({ minimum: 1 }),
    default: 168,
    about:
      'Hours for which the log keeps events. History may be down for as long. By default history itself keeps messages for good.',
  },
  RABBLE_HISTORY_RETENTION_DAYS: {
    schema: Type.Integer({ minimum: 1, maximum: 36_500 }),
    about: 'Days after which history deletes a message. Default: never.',
  },
  RABBLE_HISTORY_MESSAGES_PER_ROOM: {
    schema: Type.Integer({ minimum: 1 }),
    about: 'Maximum number of messages that history keeps of each room. Default: all.',
  },
  ...webhookSettings,
  ...pushSettings,
  RABBLE_PUBLISH_TIMEOUT_MS: {
    schema: Type.Integer({ minimum: 100 }),
    default: 5000,
    about: 'Time limit for the log to confirm a message. The answer is `unavailable` then.',
  },
  RABBLE_WAITING_EVENTS: {
    schema: Type.Integer({ minimum: 1 }),
    default: 20_000,
    about:
      'Maximum number of messages of one gateway that wait for the log. The answer to more is `unavailable`.',
  },
  RABBLE_WAITING_BYTES: {
    schema: Type.Integer({ minimum: 65_536 }),
    default: 32 * 1024 * 1024,
    about: 'The same, in bytes.',
  },
  RABBLE_TRANSPORTS: {
    schema: Type.String({ pattern: /^[a-z-]+(,[a-z-]+)*$/ }),
    default: 'websocket,sse,polling,signalr,socketio',
    about:
      'Ways by which clients may connect, separated by commas: `websocket`, `sse`, `polling`, `signalr`, `socketio`.',
  },
  RABBLE_LOBBY: {
    schema: Type.String({ minLength: 1, maxLength: 64 }),
    default: 'general',
    about:
      'Room of clients whose protocol speaks to everybody: they are in it, and what they say goes there.',
  },
  RABBLE_GATEWAY_URL: {
    schema: Type.String({ pattern: /^http:\/\/[^/?#@\s]+$/ }),
    broken: brokenByUrl,
    about:
      'Where other gateways reach this one, such as `http://10.0.1.7:8080`, to pass on requests of its sessions. Default: the address by which it reaches RabbitMQ, and its port.',
  },
  RABBLE_PUBLIC_URL: {
    schema: Type.String({ maxLength: 240, pattern: /^(ws|http)s?:\/\/[^/?#@\s]+$/ }),
    broken: brokenByUrl,
    about:
      'Public address of this gateway alone, such as `wss://g1.chat.example`, by which clients reach its `RABBLE_PUBLIC_PORT` without Nginx. Needs `RABBLE_ALLOWED_ORIGINS`. Default: none.',
  },
  RABBLE_PUBLIC_PORT: {
    schema: Type.Integer({ minimum: 1, maximum: 65535 }),
    default: 8090,
    about:
      'With `RABBLE_PUBLIC_URL`: TCP port on which the gateway takes WebSockets of clients at `/ws`, and nothing else.',
  },
  RABBLE_PUBLIC_PROXIES: {
    schema: Type.String(),
    broken: brokenByProxies,
    default: '',
    about:
      'Addresses and networks of the proxies in front of `RABBLE_PUBLIC_PORT`, separated by commas, such as one that ends TLS. List them in `RABBLE_TRUSTED_PROXIES` as well. `X-Forwarded-…` of all others counts for nothing there.',
  },
  RABBLE_PUBLIC_CONNECTIONS_PER_ADDRESS: {
    schema: Type.Integer({ minimum: 1 }),
    default: 10_000,
    about:
      'Maximum number of connections of one address (IPv6: network) at `RABBLE_PUBLIC_PORT`, except for `RABBLE_PUBLIC_PROXIES`. It may open 200 a second on average, and 2,000 at once.',
  },
  RABBLE_CONNECTIONS: {
    schema: Type.Integer({ minimum: 1 }),
    default: 20_000,
    about:
      'Maximum number of connections of one gateway. It answers more with status 503, and the proxy tries another gateway.',
  },
  RABBLE_DRAIN_MS: {
    schema: Type.Integer({ minimum: 0, maximum: 600_000 }),
    default: 15_000,
    about:
      'Maximum time over which a gateway that stops sends its clients away (10 ms for each client, if that is less). Stopping may take 17 seconds more: wait that long before you kill it.',
  },
  RABBLE_HELLO_TIMEOUT_MS: {
    schema: Type.Integer({ minimum: 10 }),
    default: 10_000,
    about: 'Time limit for a valid `hello`. The connection is closed with 4408 then.',
  },
  RABBLE_HEARTBEAT_MS: {
    schema: Type.Integer({ minimum: 100 }),
    default: 25_000,
    about:
      'Silence after which a connection is pinged. It is dropped after twice that time, also if it reads nothing while data waits for it. Keep it below the proxy’s timeout.',
  },
  RABBLE_CONNECTION_HOURS: {
    schema: Type.Integer({ minimum: 1, maximum: 24 }),
    default: 24,
    about:
      'Maximum age of a connection. In the second half of this time its client is asked to reconnect, so that no process of Nginx outlives a reload by more than a day.',
  },
  RABBLE_COMPRESSION: {
    schema: Type.Enum(['on', 'off']),
    default: 'off',
    about:
      '`on`: messages of rooms go compressed to clients of `/ws` that ask for it, as all browsers do. Halves the bytes, and costs CPU time in small rooms.',
  },
  RABBLE_FRAME_BYTES: {
    schema: Type.Integer({ minimum: 1024, maximum: 524_288 }),
    default: 65_536,
    about:
      'Maximum size of a client frame. A larger one closes the connection with 1009. At least 4096, plus 12 for each character of `RABBLE_TEXT_CHARACTERS`, since some clients escape characters.',
  },
  RABBLE_TEXT_CHARACTERS: {
    schema: Type.Integer({ minimum: 1 }),
    default: 4000,
    about: 'Maximum length of a message’s text, in code points.',
  },
  RABBLE_MESSAGES_PER_SECOND: {
    schema: Type.Integer({ minimum: 1 }),
    default: 20,
    about: 'Messages a second that a session may send on average.',
  },
  RABBLE_MESSAGE_BURST: {
    schema: Type.Integer({ minimum: 1 }),
    default: 40,
    about: 'Messages that a session may send at once.',
  },
  RABBLE_ROOMS_PER_SESSION: {
    schema: Type.Integer({ minimum: 1 }),
    default: 100,
    about: 'Maximum number of rooms of a session at a time.',
  },
  RABBLE_UNSENT_BYTES: {
    schema: Type.Integer({ minimum: 65_536 }),
    default: 1_048_576,
    about: 'Maximum number of bytes that wait for a slow reader. Beyond, it is closed with 1013.',
  },
  RABBLE_RECENT_PER_ROOM: {
    schema: Type.Integer({ minimum: 1 }),
    default: 2000,
    about: 'Newest messages of a room that a gateway keeps in memory to resume clients.',
  },
  RABBLE_RECENT_BYTES: {
    schema: Type.Integer({ minimum: 65_536 }),
    default: 128 * 1024 * 1024,
    about:
      'Bytes of recent messages of all rooms that a gateway keeps in memory. It forgets the rooms that were quiet for longest first. One room gets an eighth at most.',
  },
  RABBLE_REPLAY_BYTES: {
    schema: Type.Integer({ minimum: 65_536 }),
    default: 256 * 1024 * 1024,
    about:
      'Maximum number of unread bytes of replays over all sessions of a gateway. One user may hold a sixteenth, one address (IPv6: network) a quarter. Beyond, a join gets the newest messages only, with `complete: false`.',
  },
  RABBLE_REPLAY_BYTES_PER_SECOND: {
    schema: Type.Integer({ minimum: 65_536 }),
    default: 1024 * 1024,
    about:
      'Bytes a second of replays and lists of members that one user may request from a gateway; those of eight seconds at once. One address (IPv6: network) may request sixteen times as many. Beyond, joins are `rate-limited`.',
  },
  RABBLE_WORKER_MESSAGES_PER_SECOND: {
    schema: Type.Integer({ minimum: 1 }),
    default: 200,
    about:
      'Messages and notifications a second that a program (a user with the role `service`) may publish over HTTP at each gateway.',
  },
  ...wordFilterSettings,
  ...beforePublishSettings,
  ...tracingSettings,
} as const

export type SettingName = keyof typeof settings
type Typed = { [K in SettingName]: Type.Static<(typeof settings)[K]['schema']> }
/** Settings with a default. Others may be absent, unless the service requires them. */
type Defaulted = {
  [K in SettingName]: (typeof settings)[K] extends { default: unknown } ? K : never
}[SettingName]
export type Settings<Names extends SettingName, Required extends SettingName> = {
  [K in Names as K extends Defaulted | Required ? K : never]: Typed[K]
} & { [K in Names as K extends Defaulted | Required ? never : K]?: Typed[K] }

/**
 * Settings that may come from a file, named by the variable with the suffix `_FILE` (Docker secrets), and that are never printed.
 */
export const secretSettings = [
  'RABBLE_AMQP_URL',
  'RABBLE_DATABASE_URL',
  'RABBLE_SECRET',
  'RABBLE_SECRET_PREVIOUS',
  'RABBLE_JWT_SECRET',
  'RABBLE_JWT_PUBLIC_KEY',
  'RABBLE_OIDC_CLIENT_SECRET',
  'RABBLE_BLOCKED_WORDS',
  'RABBLE_BEFORE_PUBLISH_URL',
  'RABBLE_BEFORE_PUBLISH_SECRET',
  'RABBLE_WEBHOOK_URL',
  'RABBLE_WEBHOOK_SECRET',
  'RABBLE_VAPID_PRIVATE_KEY',
  'OTEL_EXPORTER_OTLP_HEADERS',
] as const satisfies SettingName[]

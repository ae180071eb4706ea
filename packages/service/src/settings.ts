import { readFileSync } from 'node:fs'
import proxyAddr from '@fastify/proxy-addr'
import Type from 'typebox'
import Value from 'typebox/value'
import { brokenByOrigins } from './origin.ts'

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
    about: 'TCP port to listen on; 0 takes a free one.',
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
    about: 'The least severe log lines that are written.',
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
      'Where gateways find history, such as `http://history:8080`. Without it they resume clients from memory only. Needs `RABBLE_SECRET`.',
  },
  RABBLE_ROOMS_URL: {
    schema: Type.String({ pattern: /^https?:\/\// }),
    broken: brokenByUrl,
    about:
      'Where gateways and history find rooms, such as `http://rooms:8080`. Without it each gateway knows only its own members and no limits of rooms, and history keeps all rooms alike. Needs `RABBLE_SECRET`.',
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
    about: 'Users that may create rooms over HTTP: `everybody` with a token, guests too, or `moderators`.',
  },
  RABBLE_ROOMS_PER_HOUR: {
    schema: Type.Integer({ minimum: 1, maximum: 500 }),
    default: 20,
    about:
      'Rooms that one user who is no moderator may create within an hour; ten times as many may come from one address.',
  },
  RABBLE_APPEARING_ROOMS_PER_HOUR: {
    schema: Type.Integer({ minimum: 1 }),
    default: 100,
    about:
      'Rooms that may appear within an hour because one user joins them; ten times as many for one address. Of each replica of rooms.',
  },
  RABBLE_AUDIT_DAYS: {
    schema: Type.Integer({ minimum: 1, maximum: 36_500 }),
    default: 365,
    about: 'How long the audit (`GET /api/audit`) is kept; refused logins for 30 days at most.',
  },
  RABBLE_SECRET: {
    schema: Type.String({ minLength: 32 }),
    about:
      'Key with which services sign and verify tokens (HS256), of users and among themselves; the same for all of them.',
  },
  RABBLE_AUTH: {
    schema: Type.Enum(['guest', 'jwt']),
    default: 'guest',
    about: 'How users sign in: `guest`: a name is enough, a token is accepted; `jwt`: a token only.',
  },
  RABBLE_JWT_SECRET: {
    schema: Type.String({ minLength: 32 }),
    about:
      'With `RABBLE_AUTH=jwt`: the secret with which the issuer of tokens signs (HS256, HS384, HS512), not `RABBLE_SECRET`.',
  },
  RABBLE_JWT_PUBLIC_KEY: {
    schema: Type.String({ pattern: /^-----BEGIN / }),
    about: 'Or the issuer’s public key (PEM): RSA, P-256, P-384, P-521 or Ed25519.',
  },
  RABBLE_JWT_JWKS_URL: {
    schema: Type.String({ pattern: /^https?:\/\// }),
    broken: brokenByUrl,
    about: 'Or where the issuer publishes its keys, such as `https://login.example/.well-known/jwks.json`.',
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
  RABBLE_ALLOWED_ORIGINS: {
    schema: Type.String(),
    broken: brokenByOrigins,
    default: '',
    about:
      'Origins whose pages may connect and ask over HTTP (CORS), separated by commas, besides the one that Rabble itself is reached by: `https://chat.example`, `https://*.example.com`, `capacitor://localhost`, `null`. The same for all services.',
  },
  RABBLE_TRUSTED_PROXIES: {
    schema: Type.String(),
    broken: brokenByProxies,
    default: '',
    about:
      'Addresses and networks (`10.0.0.0/8`) of the proxies, separated by commas, whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.',
  },
  RABBLE_LOGINS_PER_MINUTE: {
    schema: Type.Integer({ minimum: 1 }),
    default: 300,
    about:
      'How often one address (IPv6: network) may sign in within a minute at each replica of rooms, and how many new guests may come from it to each gateway.',
  },
  RABBLE_PREFIX: {
    schema: Type.String({ pattern: /^[A-Za-z0-9._-]{1,64}$/ }),
    default: 'rabble',
    about: 'Prefix of all names in RabbitMQ.',
  },
  RABBLE_PARTITIONS: {
    schema: Type.Integer({ minimum: 1, maximum: 64 }),
    default: 1,
    about: 'Partitions of the log. The same for all services, never changed once there are messages.',
  },
  RABBLE_LOG_RETENTION_HOURS: {
    schema: Type.Integer({ minimum: 1 }),
    default: 168,
    about:
      'How long the log keeps events for replay, and so how long history may be down. By default history keeps messages for good.',
  },
  RABBLE_HISTORY_RETENTION_DAYS: {
    schema: Type.Integer({ minimum: 1, maximum: 36_500 }),
    about: 'Messages that are older are deleted from history. Without it they are kept for good.',
  },
  RABBLE_HISTORY_MESSAGES_PER_ROOM: {
    schema: Type.Integer({ minimum: 1 }),
    about: 'The newest messages of each room that history keeps. Without it, all of them.',
  },
  RABBLE_PUBLISH_TIMEOUT_MS: {
    schema: Type.Integer({ minimum: 100 }),
    default: 5000,
    about: 'After this time a message that the log has not confirmed is answered with `unavailable`.',
  },
  RABBLE_WAITING_EVENTS: {
    schema: Type.Integer({ minimum: 1 }),
    default: 20_000,
    about: 'Messages of one gateway that may wait for the log; more are answered with `unavailable`.',
  },
  RABBLE_WAITING_BYTES: {
    schema: Type.Integer({ minimum: 65_536 }),
    default: 32 * 1024 * 1024,
    about: 'The same, in bytes.',
  },
  RABBLE_TRANSPORTS: {
    schema: Type.String({ pattern: /^[a-z-]+(,[a-z-]+)*$/ }),
    default: 'websocket,sse,polling,socketio',
    about:
      'Ways by which clients may connect, separated by commas: `websocket`, `sse`, `polling`, `socketio`.',
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
  RABBLE_CONNECTIONS: {
    schema: Type.Integer({ minimum: 1 }),
    default: 20_000,
    about:
      'Connections that one gateway takes; more are answered with status 503, so that the proxy asks another one.',
  },
  RABBLE_DRAIN_MS: {
    schema: Type.Integer({ minimum: 0, maximum: 600_000 }),
    default: 15_000,
    about:
      'Longest time over which a gateway that stops spreads the departure of its clients (10 ms for each, if that is less). Stopping may take 17 seconds more: give it that time before it is killed.',
  },
  RABBLE_HELLO_TIMEOUT_MS: {
    schema: Type.Integer({ minimum: 10 }),
    default: 10_000,
    about: 'A connection without a valid `hello` after this time is closed with 1008.',
  },
  RABBLE_HEARTBEAT_MS: {
    schema: Type.Integer({ minimum: 100 }),
    default: 25_000,
    about:
      'A connection that is silent for so long is pinged, and dropped after twice that time, as is one that reads nothing of what waits for it. Keep it below the proxy’s timeout.',
  },
  RABBLE_CONNECTION_HOURS: {
    schema: Type.Integer({ minimum: 1, maximum: 24 }),
    default: 24,
    about:
      'How old a connection may get: in the second half of this time its client is asked to come back on another one, so that no process of Nginx outlives a reload by more than a day.',
  },
  RABBLE_FRAME_BYTES: {
    schema: Type.Integer({ minimum: 1024, maximum: 524_288 }),
    default: 65_536,
    about:
      'Largest client frame; a larger one closes with 1009. At least 12 for each character of `RABBLE_TEXT_CHARACTERS`, as some clients escape them, and 4096.',
  },
  RABBLE_TEXT_CHARACTERS: {
    schema: Type.Integer({ minimum: 1 }),
    default: 4000,
    about: 'Longest text of a message, in code points.',
  },
  RABBLE_MESSAGES_PER_SECOND: {
    schema: Type.Integer({ minimum: 1 }),
    default: 20,
    about: 'Messages a second that a session may send for long.',
  },
  RABBLE_MESSAGE_BURST: {
    schema: Type.Integer({ minimum: 1 }),
    default: 40,
    about: 'Messages that a session may send at once.',
  },
  RABBLE_ROOMS_PER_SESSION: {
    schema: Type.Integer({ minimum: 1 }),
    default: 100,
    about: 'Rooms in which a session may be at a time.',
  },
  RABBLE_UNSENT_BYTES: {
    schema: Type.Integer({ minimum: 65_536 }),
    default: 1_048_576,
    about: 'Bytes that may wait for a slow reader before it is closed with 1013.',
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
      'Bytes of recent messages that a gateway keeps over all rooms; the rooms quiet for longest go first. One room gets an eighth.',
  },
  RABBLE_REPLAY_BYTES: {
    schema: Type.Integer({ minimum: 65_536 }),
    default: 256 * 1024 * 1024,
    about:
      'Bytes of replays that may be unread over all sessions of a gateway; one user may hold a sixteenth, one address (IPv6: network) a quarter. Beyond, who joins gets the newest messages only, and is told.',
  },
  RABBLE_REPLAY_BYTES_PER_SECOND: {
    schema: Type.Integer({ minimum: 65_536 }),
    default: 1024 * 1024,
    about:
      'Bytes a second of replays and lists of members that one user may ask a gateway for, and sixteen times as many one address (IPv6: network); those of eight seconds at once. Beyond, joins are `rate-limited`.',
  },
  RABBLE_WORKER_MESSAGES_PER_SECOND: {
    schema: Type.Integer({ minimum: 1 }),
    default: 200,
    about:
      'Messages and notifications a second that one program (a user whose token has the role `service`) may publish over HTTP, at each gateway.',
  },
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
  'RABBLE_JWT_SECRET',
  'RABBLE_JWT_PUBLIC_KEY',
] as const satisfies SettingName[]

/** Problems of the environment: one line for each variable. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/**
 * Returns the values of `names` from `env`, converted and checked. An empty variable counts as absent.
 * @throws SettingsError that names each variable with the rule it breaks (never the value of a secret)
 */
export function readSettings<Names extends SettingName, Required extends Names = never>(
  env: Record<string, string | undefined>,
  names: readonly Names[],
  required: readonly Required[] = [],
): Settings<Names, Required> {
  const problems: string[] = []
  const result: Record<string, unknown> = {}
  for (const name of names) {
    const setting = settings[name]
    const { schema } = setting
    const secret = (secretSettings as readonly string[]).includes(name)
    const raw = secret ? readSecret(env, name, problems) : env[name]
    if (raw === undefined || raw === '') {
      if ('default' in setting) result[name] = setting.default
      else if ((required as readonly string[]).includes(name))
        problems.push(`${name} is required: ${setting.about}`)
      continue
    }
    const value = Value.Convert(schema, raw)
    const [error] = Value.Errors(schema, value)
    const broken = error !== undefined ? rule(error) : 'broken' in setting ? setting.broken(raw) : undefined
    if (broken === undefined) result[name] = value
    else problems.push(`${name} ${broken}${secret ? '' : `, but is ${JSON.stringify(raw)}`}`)
  }
  if (problems.length > 0) throw new SettingsError(problems.join('\n'))
  return result as Settings<Names, Required>
}

/** Returns variables that look like Rabble's and are unknown: most likely a typing error worth a warning. */
export function unknownSettings(env: Record<string, string | undefined>): string[] {
  const known = new Set<string>([...Object.keys(settings), ...secretSettings.map((name) => `${name}_FILE`)])
  return Object.keys(env).filter((name) => name.startsWith('RABBLE_') && !known.has(name))
}

function readSecret(
  env: Record<string, string | undefined>,
  name: string,
  problems: string[],
): string | undefined {
  const file = env[`${name}_FILE`]
  if (file === undefined || file === '') return env[name]
  if (env[name]) problems.push(`${name} and ${name}_FILE must not both be set`)
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    problems.push(`${name}_FILE must name a readable file: ${(error as Error).message}`)
    return undefined
  }
}

function rule(error: { keyword: string; message: string; params: object }): string {
  if (error.keyword === 'enum' && 'allowedValues' in error.params) {
    return `must be one of ${(error.params.allowedValues as string[]).join(', ')}`
  }
  return error.message
}

import { type Clock, systemClock } from '@rabble/clock'
import { createInternalTokens, type InternalTokens } from './internal-tokens.ts'
import { createIssuerTokens, type IssuerKey } from './issuer-tokens.ts'
import type { Logger } from './logger.ts'
import { SettingsError } from './read-settings.ts'
import type { SettingName, Settings } from './settings.ts'
import { audience, createTokens, type Tokens } from './tokens.ts'

/** Settings of every service that verifies tokens. */
export const tokenSettings = [
  'RABBLE_AUTH',
  'RABBLE_SECRET',
  'RABBLE_SECRET_PREVIOUS',
  'RABBLE_JWT_SECRET',
  'RABBLE_JWT_PUBLIC_KEY',
  'RABBLE_JWT_JWKS_URL',
  'RABBLE_JWT_ALGORITHMS',
  'RABBLE_JWT_AUDIENCE',
  'RABBLE_JWT_ISSUER',
] as const satisfies SettingName[]

const keyNames = 'RABBLE_JWT_SECRET, RABBLE_JWT_PUBLIC_KEY or RABBLE_JWT_JWKS_URL'

type TokenSettings = Settings<(typeof tokenSettings)[number], never>

/** Creates the tokens between services, if there is a secret. */
export function internalTokensFrom(
  settings: Pick<TokenSettings, 'RABBLE_SECRET' | 'RABBLE_SECRET_PREVIOUS'>,
): InternalTokens | undefined {
  const { RABBLE_SECRET: secret, RABBLE_SECRET_PREVIOUS: previous } = settings
  return secret === undefined ? undefined : createInternalTokens(secret, { previous })
}

/**
 * Creates the verifier of the valid tokens. With `RABBLE_AUTH=guest`: those that Rabble signs itself. With `RABBLE_AUTH=jwt`:
 * those of the issuer whose key is configured or, without one, those that an application signs with RABBLE_SECRET.
 * @throws SettingsError
 */
export function tokensFrom(
  settings: TokenSettings,
  { logger, clock = systemClock }: { logger: Logger; clock?: Clock },
): Tokens {
  const { RABBLE_SECRET: secret, RABBLE_SECRET_PREVIOUS: previous } = settings
  if (previous !== undefined && secret === undefined) {
    throw new SettingsError('RABBLE_SECRET_PREVIOUS needs RABBLE_SECRET')
  }
  const keys = keysOf(settings)
  const guests = settings.RABBLE_AUTH === 'guest'
  const [first, second] = keys
  if (first === undefined || guests) {
    const set = tokenSettings.filter((name) => name.startsWith('RABBLE_JWT_') && settings[name] !== undefined)
    if (guests && set.length > 0) throw new SettingsError(`${set.join(' and ')} need RABBLE_AUTH=jwt`)
    if (set.length > 0) throw new SettingsError(`${set.join(' and ')} need ${keyNames}`)
    if (!guests && secret === undefined) {
      throw new SettingsError(`RABBLE_AUTH=jwt needs ${keyNames}, or RABBLE_SECRET`)
    }
    return createTokens(secret, { previous, guests, clock })
  }
  if (second !== undefined) {
    throw new SettingsError(`${keys.map(({ name }) => name).join(' and ')} exclude each other`)
  }
  const issuers = settings.RABBLE_JWT_SECRET
  if (issuers !== undefined && (issuers === secret || issuers === previous)) {
    const name = issuers === secret ? 'RABBLE_SECRET' : 'RABBLE_SECRET_PREVIOUS'
    throw new SettingsError(
      `RABBLE_JWT_SECRET must not be ${name}: the issuer could sign tokens of services with it`,
    )
  }
  const algorithms = settings.RABBLE_JWT_ALGORITHMS?.split(',').map((name) => name.trim())
  const issuer = settings.RABBLE_JWT_ISSUER
  const { name, key } = first
  try {
    return createIssuerTokens(
      {
        key,
        audience: settings.RABBLE_JWT_AUDIENCE ?? audience,
        ...(algorithms !== undefined && { algorithms }),
        ...(issuer !== undefined && { issuer }),
      },
      { logger, clock },
    )
  } catch (error) {
    throw new SettingsError(`${name} does not fit: ${(error as Error).message}`)
  }
}

function keysOf(settings: TokenSettings): { name: string; key: IssuerKey }[] {
  const { RABBLE_JWT_SECRET: secret, RABBLE_JWT_PUBLIC_KEY: publicKey } = settings
  const { RABBLE_JWT_JWKS_URL: keySet } = settings
  return [
    ...(secret === undefined ? [] : [{ name: 'RABBLE_JWT_SECRET', key: { secret } }]),
    ...(publicKey === undefined ? [] : [{ name: 'RABBLE_JWT_PUBLIC_KEY', key: { publicKey } }]),
    ...(keySet === undefined ? [] : [{ name: 'RABBLE_JWT_JWKS_URL', key: { keySet } }]),
  ]
}

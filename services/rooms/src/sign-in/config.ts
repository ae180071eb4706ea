import { parseRoles, type SettingName, type Settings, SettingsError } from '@rabble/service'
import type { ProviderOptions } from './options.ts'

/** Settings of the provider of accounts. The keys of another issuer of tokens exclude it. */
export const signInSettings = [
  'RABBLE_OIDC_ISSUER',
  'RABBLE_OIDC_CLIENT_ID',
  'RABBLE_OIDC_CLIENT_SECRET',
  'RABBLE_OIDC_SCOPES',
  'RABBLE_OIDC_ROLES_CLAIM',
  'RABBLE_OIDC_ROLES',
  'RABBLE_OIDC_HOURS',
  'RABBLE_OIDC_REDIRECT_URL',
  'RABBLE_JWT_SECRET',
  'RABBLE_JWT_PUBLIC_KEY',
  'RABBLE_JWT_JWKS_URL',
] as const satisfies SettingName[]

/** Returns the provider of accounts; undefined without an issuer. @throws SettingsError */
export function providerFrom(
  settings: Settings<(typeof signInSettings)[number], never>,
): ProviderOptions | undefined {
  const { RABBLE_OIDC_ISSUER: issuer, RABBLE_OIDC_CLIENT_ID: clientId } = settings
  const { RABBLE_OIDC_CLIENT_SECRET: clientSecret, RABBLE_OIDC_REDIRECT_URL: redirectUrl } = settings
  const { RABBLE_OIDC_ROLES_CLAIM: rolesClaim, RABBLE_OIDC_ROLES: roles } = settings
  const isSet = (name: (typeof signInSettings)[number]) => settings[name] !== undefined
  if (issuer === undefined) {
    const optional = ['CLIENT_ID', 'CLIENT_SECRET', 'ROLES_CLAIM', 'ROLES', 'REDIRECT_URL'] as const
    const set = optional.map((name) => `RABBLE_OIDC_${name}` as const).filter(isSet)
    if (set.length > 0) throw new SettingsError(`${set.join(' and ')} need RABBLE_OIDC_ISSUER`)
    return undefined
  }
  if (clientId === undefined) throw new SettingsError('RABBLE_OIDC_ISSUER needs RABBLE_OIDC_CLIENT_ID')
  if ((rolesClaim === undefined) !== (roles === undefined)) {
    throw new SettingsError('RABBLE_OIDC_ROLES_CLAIM and RABBLE_OIDC_ROLES need each other')
  }
  const keys = (['RABBLE_JWT_SECRET', 'RABBLE_JWT_PUBLIC_KEY', 'RABBLE_JWT_JWKS_URL'] as const).filter(isSet)
  if (keys.length > 0) {
    throw new SettingsError(
      `RABBLE_OIDC_ISSUER and ${keys.join(' and ')} exclude each other: Rabble signs the tokens of people who sign in on its page`,
    )
  }
  return {
    issuer,
    clientId,
    ...(clientSecret !== undefined && { clientSecret }),
    scopes: settings.RABBLE_OIDC_SCOPES,
    ...(redirectUrl !== undefined && { redirectUrl }),
    ...(rolesClaim !== undefined && { rolesClaim }),
    roles: roles === undefined ? new Map() : parseRoles(roles),
    seconds: settings.RABBLE_OIDC_HOURS * 60 * 60,
  }
}

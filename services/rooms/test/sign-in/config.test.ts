import { readSettings } from '@rabble/service'
import t from 'tap'
import { providerFrom, signInSettings } from '../../src/sign-in/config.ts'

function configure(env: Record<string, string>) {
  return providerFrom(readSettings(env, signInSettings))
}

const issuer = { RABBLE_OIDC_ISSUER: 'https://login.example/realms/team', RABBLE_OIDC_CLIENT_ID: 'rabble' }

t.test('an issuer and a client are enough', async (t) => {
  t.equal(configure({}), undefined)
  t.match(configure(issuer), {
    issuer: issuer.RABBLE_OIDC_ISSUER,
    clientId: 'rabble',
    clientSecret: undefined,
    scopes: 'openid profile',
    seconds: 7 * 24 * 60 * 60,
  })
  const roles = { RABBLE_OIDC_ROLES_CLAIM: 'groups', RABBLE_OIDC_ROLES: 'a=b=moderator, staff=helper' }
  t.same(
    [...(configure({ ...issuer, ...roles })?.roles ?? [])],
    [
      ['a=b', 'moderator'],
      ['staff', 'helper'],
    ],
  )
})

t.test('settings that do not fit are refused with their names', async (t) => {
  const groups = { ...issuer, RABBLE_OIDC_ROLES_CLAIM: 'groups' }
  const wrong: [env: Record<string, string>, reason: RegExp][] = [
    [{ RABBLE_OIDC_CLIENT_ID: 'rabble' }, /RABBLE_OIDC_CLIENT_ID need RABBLE_OIDC_ISSUER/],
    [{ RABBLE_OIDC_ISSUER: 'https://login.example' }, /needs RABBLE_OIDC_CLIENT_ID/],
    [groups, /need each other/],
    [{ ...groups, RABBLE_OIDC_ROLES: 'admins' }, /must be pairs/],
    [{ ...groups, RABBLE_OIDC_ROLES: 'bots=service' }, /must not give the role service/],
    [{ ...issuer, RABBLE_OIDC_SCOPES: 'profile' }, /RABBLE_OIDC_SCOPES/],
    [{ ...issuer, RABBLE_OIDC_REDIRECT_URL: 'https://chat.example/' }, /RABBLE_OIDC_REDIRECT_URL/],
    [{ ...issuer, RABBLE_JWT_JWKS_URL: 'https://keys.example' }, /RABBLE_JWT_JWKS_URL exclude each other/],
  ]
  for (const [env, reason] of wrong) t.throws(() => configure(env), { message: reason })
})

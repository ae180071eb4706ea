import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { createInternalTokens } from '../src/internal-tokens.ts'
import { createLogger } from '../src/logger.ts'
import { readSettings } from '../src/read-settings.ts'
import { internalTokensFrom, tokenSettings, tokensFrom } from '../src/token-config.ts'
import { createTokens, type Tokens } from '../src/tokens.ts'
import { forge, secret } from './forge.ts'

const user = { id: 'ada', name: 'Ada' }
const other = 'another secret that is long enough to be one'
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()

function from(env: Record<string, string>): Tokens {
  return tokensFrom(readSettings(env, tokenSettings), { logger: createLogger('test', 'silent') })
}

t.test('guests get tokens of Rabble’s own, which count', async (t) => {
  const tokens = from({ RABBLE_SECRET: secret })
  t.match(await tokens.verify(await tokens.signGuest(user, 60)), { user, guest: true })
  t.match(await tokens.verify(await createTokens(secret).sign(user, 60)), { user, guest: false })
})

t.test(
  'with jwt alone, tokens count that an application signs with the secret, but no guest’s',
  async (t) => {
    const tokens = from({ RABBLE_AUTH: 'jwt', RABBLE_SECRET: secret })
    t.match(await tokens.verify(await forge({})), { user, guest: false })
    await t.rejects(tokens.verify(await createTokens(secret).signGuest(user, 60)), { code: 'unauthorized' })
  },
)

t.test('tokens of the previous secret are valid, those of users as those of services', async (t) => {
  const env = { RABBLE_SECRET: other, RABBLE_SECRET_PREVIOUS: secret }
  t.match(await from(env).verify(await createTokens(secret).sign(user, 60)), { user })
  const internal = internalTokensFrom(readSettings(env, tokenSettings))
  const caller = { caller: 'gateway' }
  t.same(await internal?.verify(await createInternalTokens(secret).sign(caller)), caller)
  t.same(await createInternalTokens(other).verify((await internal?.sign(caller)) ?? ''), caller)
  t.equal(internalTokensFrom(readSettings({}, tokenSettings)), undefined)
})

t.test('with an issuer’s key only the issuer’s tokens count', async (t) => {
  const jwt = { RABBLE_AUTH: 'jwt', RABBLE_SECRET: secret }
  const bySecret = from({ ...jwt, RABBLE_JWT_SECRET: other })
  t.match(await bySecret.verify(await forge({}, { key: other })), { user })
  await t.rejects(bySecret.verify(await forge({})), { code: 'unauthorized' })

  const file = t.testdir({ key: pem })
  const byFile = from({
    ...jwt,
    RABBLE_JWT_PUBLIC_KEY_FILE: `${file}/key`,
    RABBLE_JWT_AUDIENCE: 'chat',
    RABBLE_JWT_ISSUER: 'me',
  })
  const signed = (claims: object) => forge({ ...claims }, { key: privateKey, alg: 'EdDSA' })
  t.match(await byFile.verify(await signed({ aud: 'chat', iss: 'me' })), { user })
  await t.rejects(byFile.verify(await signed({ aud: 'rabble', iss: 'me' })), { code: 'unauthorized' })
  await t.rejects(byFile.verify(await signed({ aud: 'chat', iss: 'you' })), { code: 'unauthorized' })
})

t.test('settings that do not go together are told', async (t) => {
  const url = 'https://login.example/jwks.json'
  const wrong: [string, Record<string, string>][] = [
    ['RABBLE_AUTH=jwt needs', { RABBLE_AUTH: 'jwt' }],
    ['need RABBLE_AUTH=jwt', { RABBLE_JWT_SECRET: other }],
    ['RABBLE_JWT_ISSUER need', { RABBLE_AUTH: 'jwt', RABBLE_SECRET: secret, RABBLE_JWT_ISSUER: 'me' }],
    [
      'RABBLE_JWT_SECRET and RABBLE_JWT_JWKS_URL exclude',
      { RABBLE_AUTH: 'jwt', RABBLE_JWT_SECRET: other, RABBLE_JWT_JWKS_URL: url },
    ],
    ['RABBLE_SECRET_PREVIOUS needs RABBLE_SECRET', { RABBLE_SECRET_PREVIOUS: secret }],
    [
      'must not be RABBLE_SECRET_PREVIOUS',
      { RABBLE_AUTH: 'jwt', RABBLE_SECRET: other, RABBLE_SECRET_PREVIOUS: secret, RABBLE_JWT_SECRET: secret },
    ],
    ['must not be RABBLE_SECRET:', { RABBLE_AUTH: 'jwt', RABBLE_SECRET: secret, RABBLE_JWT_SECRET: secret }],
    [
      'RABBLE_JWT_PUBLIC_KEY does not fit: .* not for RS256',
      { RABBLE_AUTH: 'jwt', RABBLE_JWT_PUBLIC_KEY: pem, RABBLE_JWT_ALGORITHMS: 'EdDSA, RS256' },
    ],
    ['RABBLE_AUTH must be one of guest, jwt', { RABBLE_AUTH: 'token' }],
  ]
  for (const [message, env] of wrong) {
    t.throws(() => from(env), { name: 'SettingsError', message: new RegExp(message) })
  }
})

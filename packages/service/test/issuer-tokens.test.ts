import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '@rabble/clock'
import { createManualClock } from '@rabble/clock/manual'
import { until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { createInternalTokens } from '../src/internal-tokens.ts'
import { createIssuerTokens, type IssuerKey, type IssuerOptions } from '../src/issuer-tokens.ts'
import type { KeySetOptions } from '../src/key-set.ts'
import { createLogger } from '../src/logger.ts'
import { createTokens, type Tokens } from '../src/tokens.ts'
import { forge, secret, unsigned } from './forge.ts'

const logger = createLogger('test', 'silent')
const user = { id: 'ada', name: 'Ada' }
const pairs = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
}

function issuer(key: IssuerKey, options: Partial<IssuerOptions & KeySetOptions> = {}): Tokens {
  return createIssuerTokens(
    { key, audience: 'rabble', ...options },
    {
      clock: systemClock,
      logger,
      timeout: 60_000,
      ...options,
    },
  )
}

function pem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

t.test('a token counts that is signed with the issuer’s key, of whichever kind', async (t) => {
  const bySecret = issuer({ secret })
  t.match(await bySecret.verify(await forge({ roles: ['moderator'] })), {
    user,
    roles: ['moderator'],
    guest: false,
  })
  for (const [alg, { publicKey, privateKey }] of Object.entries(pairs)) {
    const token = await forge({}, { key: privateKey, alg })
    t.match(await issuer({ publicKey: pem(publicKey) }).verify(token), { user }, alg)
    t.match(await issuer({ publicKey: pem(publicKey).replaceAll('\n', '\\n') }).verify(token), { user })
  }
  t.match(
    await issuer({ publicKey: pem(pairs.RS256.publicKey) }).verify(
      await forge({}, { key: pairs.RS256.privateKey, alg: 'PS384' }),
    ),
    { user },
  )
})

t.test('what the issuer did not sign, or not for us, is refused', async (t) => {
  const { publicKey, privateKey } = pairs.RS256
  const tokens = issuer({ publicKey: pem(publicKey) }, { issuer: 'https://login.example' })
  const now = Math.floor(Date.now() / 1000)
  const sign = (claims: object, alg = 'RS256', key: KeyObject | string = privateKey) =>
    forge({ iss: 'https://login.example', ...claims }, { key, alg })
  const refused = {
    'signed with the public key as a secret': await sign({}, 'HS256', pem(publicKey)),
    unsigned: unsigned(),
    'another key': await sign({}, 'RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    'another kind of key': await sign({}, 'ES256', pairs.ES256.privateKey),
    'another issuer': await sign({ iss: 'https://evil.example' }),
    'no issuer': await sign({ iss: undefined }),
    'another audience': await sign({ aud: 'shop' }),
    'no audience': await sign({ aud: undefined }),
    expired: await sign({ exp: now - 1 }),
    'not yet valid': await sign({ nbf: now + 60 }),
    'no user': await sign({ sub: undefined }),
    'no name': await sign({ name: undefined }),
    'no expiry': await sign({ exp: undefined }),
    'a guest': await sign({ guest: true }),
    'a guest’s of Rabble': await createTokens(secret).signGuest(user, 60),
    'a service’s of Rabble': await createInternalTokens(secret).sign({ caller: 'gateway' }),
  }
  for (const [what, token] of Object.entries(refused)) {
    await t.rejects(tokens.verify(token), { code: 'unauthorized' }, what)
  }
  t.match(await tokens.verify(await sign({ nbf: now + 2 })), { user }, 'a clock may be a little ahead')
  await t.rejects(tokens.sign(user, 60), { code: 'forbidden' })
})

t.test('only the algorithms that are told count, and only those that fit the key can be', async (t) => {
  const key = { publicKey: pem(pairs.RS256.publicKey) }
  const tokens = issuer(key, { algorithms: ['RS512'] })
  await t.rejects(tokens.verify(await forge({}, { key: pairs.RS256.privateKey, alg: 'RS256' })), {
    code: 'unauthorized',
  })
  t.match(await tokens.verify(await forge({}, { key: pairs.RS256.privateKey, alg: 'RS512' })), { user })
  t.throws(() => issuer(key, { algorithms: ['RS256', 'HS256'] }), /not for HS256/)
  t.throws(() => issuer(key, { algorithms: ['none'] }), /not for none/)
  t.throws(() => issuer({ secret }, { algorithms: ['RS256'] }), /HS256, HS384, HS512/)
  t.throws(() => issuer({ keySet: 'http://x' }, { algorithms: ['HS256'] }), /not for HS256/)
})

t.test('a key that is none, or weak, or should be secret is told at once', async (t) => {
  const { privateKey } = pairs.ES256
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const odd = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey
  const wrong = {
    'private key': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    '2048 bits': pem(weak),
    'P-256': pem(odd),
    'no public key': '-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----',
  }
  for (const [rule, publicKey] of Object.entries(wrong)) {
    t.throws(() => issuer({ publicKey }), { message: new RegExp(rule) })
  }
})

t.test('keys that the issuer publishes', async (t) => {
  /** Signs a token that outlasts each of these tests. */
  const sign = (kid?: string, key = pairs.ES256.privateKey, alg = 'ES256') =>
    forge({ exp: 4e9 }, { key, alg, header: kid === undefined ? {} : { kid } })
  const troubles = ['broken', 'silent', 'nonsense', 'endless', 'empty', 'useless'] as const

  t.test('are fetched once, for all who come at the same time', async (t) => {
    const server = await publish(t, [jwk('a', 'ES256'), jwk('b', 'RS256')])
    const tokens = issuer({ keySet: server.url })
    const all = await Promise.all([...Array(20)].map(async () => tokens.verify(await sign('a'))))
    t.match(all[19], { user })
    t.match(await tokens.verify(await sign('b', pairs.RS256.privateKey, 'RS256')), { user })
    t.match(await tokens.verify(await sign()), { user }, 'without an id, if one key fits')
    t.equal(server.requests(), 1)
  })

  t.test('are looked at once more for an unknown id, at most once in each cooldown', async (t) => {
    const clock = createManualClock()
    const server = await publish(t, [jwk('a', 'ES256')])
    const tokens = issuer({ keySet: server.url }, { clock, cooldown: 30_000 })
    const invent = () =>
      Promise.all(
        [...Array(20).keys()].map(async (i) => {
          await t.rejects(tokens.verify(await sign(`invented-${i}`)), { code: 'unauthorized' })
        }),
      )
    t.match(await tokens.verify(await sign('a')), { user })
    await clock.advance(29_999)
    await invent()
    t.equal(server.requests(), 1)
    await clock.advance(1)
    await invent()
    t.equal(server.requests(), 2)
    server.keys = [jwk('a', 'ES256'), jwk('new', 'EdDSA')]
    const token = await sign('new', pairs.EdDSA.privateKey, 'EdDSA')
    await t.rejects(tokens.verify(token), { code: 'unauthorized' })
    await clock.advance(30_000)
    t.match(await tokens.verify(token), { user })
  })

  t.test('are no secrets: one of the set does not verify what was signed with it as a secret', async (t) => {
    const server = await publish(t, [jwk('a', 'ES256'), { kty: 'oct', kid: 's', k: btoa(secret) }])
    const tokens = issuer({ keySet: server.url }, { cooldown: 0 })
    for (const key of [secret, pem(pairs.ES256.publicKey), JSON.stringify(jwk('a', 'ES256'))]) {
      for (const kid of ['a', 's']) {
        const token = await forge({}, { key, alg: 'HS256', header: { kid } })
        await t.rejects(tokens.verify(token), { code: 'unauthorized' })
      }
    }
  })

  t.test('can not be fetched: unavailable, not unauthorized, and not asked again and again', async (t) => {
    const clock = createManualClock()
    const server = await publish(t, [jwk('a', 'ES256')])
    const tokens = issuer({ keySet: server.url }, { clock, cooldown: 30_000, timeout: 5_000 })
    for (const [asked, trouble] of troubles.entries()) {
      server.trouble = trouble
      const refused = t.rejects(tokens.verify(await sign('a')), { code: 'unavailable' }, trouble)
      await until(() => server.requests() === asked + 1, 30_000, 'a request')
      if (trouble === 'silent') await clock.advance(5_000)
      await refused
      const again = { code: 'unavailable', retryAfter: trouble === 'silent' ? 25_000 : 30_000 }
      await t.rejects(tokens.verify(await sign('a')), again)
      t.equal(server.requests(), asked + 1)
      await clock.advance(30_000)
    }
    server.trouble = undefined
    t.match(await tokens.verify(await sign('a')), { user })
  })

  for (const trouble of troubles) {
    t.test(`count on while the issuer is ${trouble}, but for unknown ids`, async (t) => {
      const clock = createManualClock()
      const times = { cooldown: 30_000, maxAge: 600_000, timeout: 5_000 }
      const server = await publish(t, [jwk('a', 'ES256')])
      const tokens = issuer({ keySet: server.url }, { clock, ...times })
      const [a, b] = [await sign('a'), await sign('b')]
      t.match(await tokens.verify(a), { user })
      server.trouble = trouble
      await clock.advance(times.maxAge)
      const refused = t.rejects(tokens.verify(b), { code: 'unavailable' })
      await until(() => server.requests() === 2, 30_000, 'a request')
      t.match(await tokens.verify(a), { user })
      if (trouble === 'silent') await clock.advance(times.timeout)
      await refused
      t.match(await tokens.verify(a), { user })
      server.trouble = undefined
      server.keys = [jwk('b', 'ES256')]
      await clock.advance(times.cooldown)
      t.match(await tokens.verify(b), { user })
      await t.rejects(tokens.verify(a), { code: 'unauthorized' }, 'a key that was withdrawn')
      t.equal(server.requests(), 3)
    })
  }

  t.test('are fetched again once they are old, and count until then', async (t) => {
    const clock = createManualClock()
    const server = await publish(t, [jwk('a', 'ES256')])
    const tokens = issuer({ keySet: server.url }, { clock, maxAge: 600_000 })
    const token = await sign('a')
    t.match(await tokens.verify(token), { user })
    server.keys = [jwk('b', 'ES256')]
    await clock.advance(599_999)
    t.match(await tokens.verify(token), { user })
    t.equal(server.requests(), 1)
    await clock.advance(1)
    t.match(await tokens.verify(token), { user }, 'nobody waits for them')
    const refused = () =>
      tokens.verify(token).then(
        () => false,
        ({ code }) => code === 'unauthorized',
      )
    await until(refused, 30_000, 'the new keys')
    t.equal(server.requests(), 2)
  })

  t.test('do not count for good where they can not be fetched again', async (t) => {
    const clock = createManualClock()
    const server = await publish(t, [jwk('a', 'ES256')])
    const tokens = issuer({ keySet: server.url }, { clock, maxStale: 86_400_000 })
    const token = await sign('a')
    t.match(await tokens.verify(token), { user })
    server.trouble = 'broken'
    await clock.advance(86_399_999)
    t.match(await tokens.verify(token), { user })
    await clock.advance(1)
    await t.rejects(tokens.verify(token), { code: 'unavailable' })
  })
})

type Trouble = 'broken' | 'silent' | 'nonsense' | 'endless' | 'empty' | 'useless'

/** Starts an issuer's server that counts requests and can fail. */
async function publish(t: Test, keys: object[]) {
  let requests = 0
  const state: { keys: object[]; trouble: Trouble | undefined } = { keys, trouble: undefined }
  const server = createServer((_request, response) => {
    requests++
    const keys = JSON.stringify({ keys: state.keys })
    if (state.trouble === 'broken') response.statusCode = 500
    if (state.trouble === 'nonsense') response.end('{"keys":7}')
    else if (state.trouble === 'endless') response.end(keys.padStart(1_000_000))
    else if (state.trouble === 'empty') response.end('{"keys":[]}')
    else if (state.trouble === 'useless') response.end(JSON.stringify({ keys: useless }))
    else if (state.trouble !== 'silent') response.end(keys)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}/jwks.json`,
    requests: () => requests,
  })
}

function jwk(kid: string, alg: keyof typeof pairs): object {
  return { ...pairs[alg].publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
}

/** Keys that can't verify tokens: for another purpose, a secret, too short, of another curve, private, or not a key. */
const useless = [
  { ...jwk('a', 'ES256'), use: 'enc' },
  { ...jwk('a', 'ES256'), key_ops: ['encrypt'] },
  { kty: 'oct', kid: 'a', k: btoa(secret) },
  { ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), kid: 'a' },
  { ...generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' }), kid: 'a' },
  { ...pairs.ES256.privateKey.export({ format: 'jwk' }), kid: 'a' },
  { ...jwk('a', 'ES256'), x: 'AAAA' },
  { ...jwk('a', 'ES256'), alg: 'ES512' },
  null,
]

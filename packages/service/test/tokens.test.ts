import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { createInternalTokens } from '../src/internal-tokens.ts'
import { bearerToken, createTokens } from '../src/tokens.ts'
import { forge, secret, unsigned } from './forge.ts'

const user = { id: 'ada', name: 'Ada' }
const tokens = createTokens(secret)

t.test('a signed token says whose it is and until when', async (t) => {
  const clock = createManualClock()
  const tokens = createTokens(secret, { clock })
  const token = await tokens.sign(user, 60)
  const identity = await tokens.verify(token)
  t.strictSame(identity.user, user)
  t.equal(identity.expiresAt, Math.floor(clock.now() / 1000) * 1000 + 60_000, 'in whole seconds')
  await clock.advance(identity.expiresAt - clock.now() - 1)
  t.strictSame(await tokens.verify(token), identity)
  await clock.advance(1)
  await t.rejects(tokens.verify(token), {
    code: 'unauthorized',
    message: `the token has expired: it ended at ${new Date(identity.expiresAt).toISOString()}, and the clock here says ${new Date(clock.now()).toISOString()}`,
  })
})

t.test('a token says which roles somebody has, whether they mean something here or not', async (t) => {
  t.strictSame((await tokens.verify(await tokens.sign(user, 60))).roles, [])
  const roles = ['moderator', 'gardener']
  t.strictSame((await tokens.verify(await tokens.sign(user, 60, roles))).roles, roles)
})

t.test('a guest’s token says so, and counts only where guests are welcome', async (t) => {
  t.equal((await tokens.verify(await tokens.sign(user, 60))).guest, false)
  const token = await tokens.signGuest(user, 60)
  t.match(await tokens.verify(token), { user, guest: true, roles: [] })
  const strict = createTokens(secret, { guests: false })
  await t.rejects(strict.verify(token), { code: 'unauthorized' })
  await t.rejects(strict.signGuest(user, 60), { code: 'forbidden' })
  t.match(await strict.verify(await tokens.sign(user, 60)), { user, guest: false })
})

t.test('a token that is forged, expired, for others or of another algorithm is refused', async (t) => {
  const now = Math.floor(Date.now() / 1000)
  const refused = {
    'another key': await forge({}, { key: `${secret}!` }),
    'another algorithm': await forge({}, { alg: 'HS512' }),
    'no algorithm': unsigned(),
    expired: await forge({ exp: now - 1 }),
    'no expiry': await forge({ exp: undefined }),
    'an expiry that is no number': await forge({ exp: 'tomorrow' }),
    'not yet valid': await forge({ nbf: now + 60 }),
    'a beginning that is no time': await forge({ nbf: {} }),
    'a beginning after all time': await forge({ nbf: 1e300 }),
    'another audience': await forge({ aud: 'other' }),
    'no audience': await forge({ aud: undefined }),
    'no user': await forge({ sub: undefined }),
    'no name': await forge({ name: undefined }),
    'the system': await forge({ sub: 'system' }),
    'the system’s name': await forge({ name: 'System' }),
    'an id with a colon': await forge({ sub: 'a:b' }),
    'a name with control characters': await forge({ name: 'A\u0000da' }),
    'a role that is in no list': await forge({ roles: 'moderator' }),
    'a list of something else than roles': await forge({ roles: ['moderator', 7] }),
    'no list at all': await forge({ roles: null }),
    'something else than a guest': await forge({ guest: 'yes' }),
    'what needs to be understood and is not': await forge({}, { header: { crit: ['exp'], exp: 1 } }),
    'a service’s': await createInternalTokens(secret).sign({ caller: 'gateway' }),
    oversize: await forge({ filler: 'x'.repeat(8192) }),
    nonsense: 'x.y.z',
    'another payload under the same signature': (await forge({})).replace(
      /\..*\./,
      `.${(await forge({ roles: ['moderator'] })).split('.')[1]}.`,
    ),
  }
  for (const [what, token] of Object.entries(refused)) {
    await t.rejects(tokens.verify(token), { code: 'unauthorized', statusCode: 401 }, what)
  }
  t.match(await tokens.verify(await forge({})), { user }, 'and the one that they all are made of is valid')
})

t.test(
  'the clock of who signs may be five seconds ahead, and a refusal beyond that names both times',
  async (t) => {
    const now = Date.parse('2026-11-22T10:00:00.000Z')
    const tokens = createTokens(secret, { clock: createManualClock(now) })
    const sign = (ahead: number) => {
      const [seconds, exp] = [now / 1000 + ahead, now / 1000 + 60]
      return forge({ iat: seconds, nbf: seconds, exp })
    }
    for (const ahead of [1, 5]) t.match(await tokens.verify(await sign(ahead)), { user }, `${ahead} s`)
    await t.rejects(tokens.verify(await sign(6)), {
      code: 'unauthorized',
      message:
        'the token is not valid before 2026-11-22T10:00:06.000Z, and the clock here says 2026-11-22T10:00:00.000Z',
    })
  },
)

t.test('an expiry beyond all time is the end of time', async (t) => {
  t.equal((await tokens.verify(await forge({ exp: 1e300 }))).expiresAt, 8.64e15)
})

t.test('without a secret no token is accepted', async (t) => {
  await t.rejects(createTokens(undefined).verify(await tokens.sign(user, 60)), { code: 'unauthorized' })
})

t.test('the bearer token is taken from the header, and nothing else', async (t) => {
  t.equal(bearerToken('Bearer a.b.c'), 'a.b.c')
  t.equal(bearerToken('bearer a.b.c'), 'a.b.c')
  for (const header of [undefined, '', 'Bearer', 'Basic abc', 'Bearer a b'])
    t.equal(bearerToken(header), undefined)
})

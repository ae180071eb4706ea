import t from 'tap'
import { createInternalTokens } from '../src/internal-tokens.ts'
import { createTokens } from '../src/tokens.ts'
import { forge, secret, unsigned } from './forge.ts'

const internal = createInternalTokens(secret)

t.test('a service says who it is, and on whose behalf it calls', async (t) => {
  t.strictSame(await internal.verify(await internal.sign({ caller: 'gateway' })), { caller: 'gateway' })
  const both = { caller: 'gateway', for: 'ada' }
  t.strictSame(await internal.verify(await internal.sign(both)), both)
})

t.test('what is no service’s token is refused, a user’s above all', async (t) => {
  const users = createTokens(secret)
  const own = { aud: 'rabble-internal', sub: 'gateway' }
  const refused = {
    'a user’s': await users.sign({ id: 'ada', name: 'Ada' }, 60, ['service']),
    'a guest’s': await users.signGuest({ id: 'ada', name: 'Ada' }, 60),
    'one that is for both': await forge({ ...own, aud: ['rabble-internal', 'rabble'] }),
    'another key': await forge(own, { key: `${secret}!` }),
    expired: await forge({ ...own, exp: 1 }),
    'for no user': await forge({ ...own, for: 'a:b' }),
    unsigned: unsigned(),
    oversize: await forge({ ...own, filler: 'x'.repeat(8192) }),
    nonsense: 'x',
  }
  for (const [what, token] of Object.entries(refused)) {
    await t.rejects(internal.verify(token), { code: 'unauthorized' }, what)
  }
  t.strictSame(
    await internal.verify(await forge(own)),
    { caller: 'gateway' },
    'what they all are made of is valid',
  )
})

t.test('a token is used again until half of its minute is over, and then signed anew', async (t) => {
  const start = Date.now()
  let elapsed = 0
  t.intercept(Date, 'now', { value: () => start + elapsed })
  const first = await internal.sign({ caller: 'history' })
  t.equal(await internal.sign({ caller: 'history' }), first)
  elapsed = 29_000
  t.equal(await internal.sign({ caller: 'history' }), first)
  elapsed = 31_000
  const second = await internal.sign({ caller: 'history' })
  t.not(second, first)
  t.strictSame(await internal.verify(second), { caller: 'history' })
})

t.test('calls on behalf of many users are signed for each', async (t) => {
  for (let i = 0; i < 2500; i++) {
    const both = { caller: 'gateway', for: `user-${i}` }
    const token = await internal.sign(both)
    if (i % 500 === 0) t.strictSame(await internal.verify(token), both)
  }
})

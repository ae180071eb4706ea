import { createManualClock } from '@rabble/clock/manual'
import t from 'tap'
import { createInternalTokens } from '../src/internal-tokens.ts'
import { createTokens } from '../src/tokens.ts'
import { forge, secret, unsigned } from './forge.ts'

const clock = createManualClock()
const internal = createInternalTokens(secret, { clock })

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

t.test(
  'a token counts where the clock is minutes ahead or behind, and beyond that is refused with both times',
  async (t) => {
    const [ten, minute] = [Date.parse('2026-11-22T10:00:00.000Z'), 60_000]
    const caller = createInternalTokens(secret, { clock: createManualClock(ten) })
    const token = await caller.sign({ caller: 'gateway' })
    const at = (ahead: number) => createInternalTokens(secret, { clock: createManualClock(ten + ahead) })
    for (const ahead of [-5 * minute, -minute, minute, 6 * minute - 1]) {
      t.strictSame(await at(ahead).verify(token), { caller: 'gateway' }, `${ahead} ms`)
    }
    await t.rejects(at(60 * minute).verify(token), {
      code: 'unauthorized',
      message:
        'the token of this service ended at 2026-11-22T10:01:00.000Z, and the clock here says 2026-11-22T11:00:00.000Z: compare the clocks of both',
    })
  },
)

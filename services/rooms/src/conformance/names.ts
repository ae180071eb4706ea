import { until } from '@rabble/harness'
import type { Test } from 'tap'
import type { ClaimedName, NameClaim, Refusal } from '../api.ts'
import { type MakeFixture, type RoomsFixture, timeout } from './fixture.ts'

/** Time (ms since 1970) at which the tokens of accounts end. */
const account = Date.UTC(2100, 0, 1)

/** Gateways with a lease each, which claim names. */
async function claimsOf({ client }: Pick<RoomsFixture, 'client'>, ...gateways: string[]) {
  for (const gateway of gateways) await client.renew(gateway, { fresh: true })
  async function names(gateway: string, claim: NameClaim[], release: string[] = []) {
    const answers = await client.names(gateway, { claim, release })
    if (answers === undefined) throw new Error(`the lease of ${gateway} has ended`)
    return answers
  }
  return {
    names,
    /** Claims one name. `user` is the guest's id. Default: a new guest. */
    async claim(gateway: string, name: string, user?: string) {
      const [answer] = await names(gateway, [{ name, ...(user !== undefined && { user }) }])
      if (answer === undefined) throw new Error('there is no answer')
      return answer
    },
    release: (gateway: string, ...users: string[]) => names(gateway, [], users),
  }
}

/** @throws Error if the name was refused */
function given(answer: ClaimedName | Refusal | undefined): ClaimedName {
  if (answer === undefined || 'refused' in answer) throw new Error(`refused: ${JSON.stringify(answer)}`)
  return answer
}

const taken = { refused: 'name-taken', message: /./ }

export function testNames(t: Test, makeFixture: MakeFixture): void {
  t.test('a guest gets a name, an id of its own, and a token to come back with', async (t) => {
    const fixture = await makeFixture(t)
    const { names } = await claimsOf(fixture, 'g1')
    const [one, two] = (await names('g1', [{ name: 'Ada' }, { name: 'Bob', user: 'guest-bob' }])).map(given)
    t.match(one?.user, { id: /./, name: 'Ada' })
    t.not(one?.user.id, two?.user.id)
    t.same(two?.user, { id: 'guest-bob', name: 'Bob' })
    const { user, expiresAt, guest } = await fixture.verify(one?.token ?? '')
    t.same({ user, guest }, { user: one?.user, guest: true })
    t.ok(expiresAt >= (one?.expiresAt ?? Number.POSITIVE_INFINITY), 'it lasts for as long as it says')
  })

  t.test('a name is one guest’s, in upper and lower case', async (t) => {
    const { names, claim } = await claimsOf(await makeFixture(t), 'g1', 'g2')
    const answers = await names('g1', [{ name: 'Ada' }, { name: 'ADA' }])
    t.match(answers, [{ user: { name: 'Ada' } }, taken])
    const refusal = await claim('g2', 'ada', 'guest-other')
    t.match(refusal, { ...taken, retryAfter: Number })
    t.match(await claim('g2', 'Adam'), { user: { name: 'Adam' } })
  })

  t.test('a guest may claim its own name again, on any gateway, and no second one', async (t) => {
    const { claim } = await claimsOf(await makeFixture(t), 'g1', 'g2')
    const { user } = given(await claim('g1', 'Ada'))
    for (const gateway of ['g1', 'g2']) t.same(given(await claim(gateway, 'Ada', user.id)).user, user)
    t.match(await claim('g2', 'Eve', user.id), taken)
  })

  t.test('a name is free once no gateway holds it any more', async (t) => {
    const { claim, release } = await claimsOf(await makeFixture(t), 'g1', 'g2', 'g3')
    const { user } = given(await claim('g1', 'Ada'))
    await claim('g2', 'Ada', user.id)
    t.same(await release('g3', user.id), [])
    t.match(await claim('g3', 'Ada'), taken, 'g3 never held it')
    for (const gateway of ['g1', 'g1']) await release(gateway, user.id)
    t.match(await claim('g3', 'Ada'), taken, 'g2 still holds it')
    await release('g2', user.id)
    const other = given(await claim('g3', 'Ada'))
    t.not(other.user.id, user.id)
    t.match(await claim('g1', 'Ada', user.id), taken, 'the former guest has lost it')
  })

  t.test('a batch releases names before it claims others', async (t) => {
    const { claim, names } = await claimsOf(await makeFixture(t), 'g1')
    const { user } = given(await claim('g1', 'Ada'))
    t.match(await names('g1', [{ name: 'Ada' }], [user.id]), [{ user: { name: 'Ada' } }])
  })

  t.test('a lease that ends releases the names that only its gateway held', async (t) => {
    const fixture = await makeFixture(t)
    const { claim } = await claimsOf(fixture, 'g1', 'g2', 'g3', 'g4')
    const both = given(await claim('g4', 'Both')).user
    await claim('g1', 'Both', both.id)
    await claim('g1', 'Expired')
    await claim('g2', 'Ended')
    await claim('g3', 'Anew')
    await fixture.expire('g1')
    await fixture.client.end('g2')
    await fixture.client.renew('g3', { fresh: true })
    for (const name of ['Expired', 'Ended', 'Anew']) {
      // A lease that was given back may take a little longer to be cleared.
      await until(async () => 'user' in (await claim('g4', name)), timeout, `${name} to be free`)
    }
    t.match(await claim('g4', 'Both'), taken, 'g4 still holds it')
  })

  t.test('an account takes its name from a guest, who is put out, and shares it with accounts', async (t) => {
    const fixture = await makeFixture(t)
    const { names, claim } = await claimsOf(fixture, 'g1', 'g2')
    const guest = given(await claim('g1', 'Mona')).user
    // In one batch, accounts come before guests.
    const answers = await names('g2', [
      { name: 'Otto' },
      { name: 'mona', user: 'mona', account },
      { name: 'Otto', user: 'otto', account },
    ])
    t.match(answers[0], taken)
    t.same(answers.slice(1), [
      { user: { id: 'mona', name: 'mona' }, expiresAt: account },
      { user: { id: 'otto', name: 'Otto' }, expiresAt: account },
    ])
    t.match(
      fixture.signals.filter(({ type }) => type === 'kick'),
      [{ type: 'kick', user: guest.id, message: /./ }],
    )
    t.match(await names('g1', [{ name: 'Mona', user: 'mona2', account }]), [{ user: { id: 'mona2' } }])
    const refusal = await claim('g1', 'Mona', guest.id)
    t.match(refusal, taken)
    t.notOk('retryAfter' in refusal, 'waiting helps nobody')
    await fixture.client.end('g2')
    t.match(await claim('g1', 'Mona'), taken, 'nobody has to be there')
  })
}

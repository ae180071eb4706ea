import { until } from '@rabble/harness'
import type { Test } from 'tap'
import { ada, bob, changesIn, eve, gatewayOf, type MakeFixture, seatOf, timeout } from './fixture.ts'

const old = { fresh: false }
const noSeats = { take: [], give: [] }

export function testLeases(t: Test, makeFixture: MakeFixture): void {
  t.test('without a lease nothing can be renewed, taken or claimed', async (t) => {
    const { client } = await makeFixture(t)
    const answers = [
      await client.renew('g1', old),
      await client.seats('g1', { take: [{ room: 'tea', user: ada }], give: [] }),
      await client.names('g1', { claim: [{ name: 'Ada' }], release: [] }),
    ]
    t.same(answers, [undefined, undefined, undefined])
    t.match(await client.members('tea', 10), { users: [], count: 0 })
  })

  t.test('a lease lasts until it is given back, and its seats with it', async (t) => {
    const fixture = await makeFixture(t)
    const { client } = fixture
    const fresh = await client.renew('g1', { fresh: true })
    t.match(fresh, { expiresIn: Number, policies: 0, now: Number, counts: [] })
    t.ok((fresh?.expiresIn ?? 0) > 0)
    await client.seats('g1', { take: [{ room: 'tea', user: ada }], give: [] })
    t.match(await client.renew('g1', old), { expiresIn: fresh?.expiresIn, policies: 0 })
    t.match(await client.members('tea', 10), { count: 1 })

    await client.end('g1')
    t.equal(await client.renew('g1', old), undefined)
    t.equal(await client.seats('g1', noSeats), undefined)
    // The seats may take a little longer, if the service looks for leases that have ended at that moment.
    await until(() => changesIn(fixture, 'tea').length === 2, timeout, 'the seats to be free')
    t.same(changesIn(fixture, 'tea').at(-1), { joined: [], left: [ada], count: 0 })
    t.match(await client.members('tea', 10), { users: [], count: 0 })
    await client.end('g1')
    t.match(await client.renew('g1', { fresh: true }), { counts: [] }, 'the gateway may begin anew')
  })

  t.test('a lease that nobody renews ends, and no other', async (t) => {
    const fixture = await makeFixture(t)
    const { client } = fixture
    const [g1, g2] = [await gatewayOf(fixture, 'g1'), await gatewayOf(fixture, 'g2')]
    await g1.take('tea', ada, bob)
    await g2.take('tea', bob, eve)
    await fixture.expire('g1')
    t.equal(await client.renew('g1', old), undefined)
    t.equal(await client.seats('g1', noSeats), undefined)
    t.match(await client.members('tea', 10), { users: [bob, eve], count: 2 })
    t.same(changesIn(fixture, 'tea').at(-1), { joined: [], left: [ada], count: 2 })
    t.match(await client.renew('g2', old), { expiresIn: Number })
  })

  t.test('a gateway that begins anew has no seats, though its former lease has not ended', async (t) => {
    const fixture = await makeFixture(t)
    const { client } = fixture
    const [g1, g2] = [await gatewayOf(fixture, 'g1'), await gatewayOf(fixture, 'g2')]
    await g1.take('tea', ada)
    await g2.take('tea', bob)
    t.match(await client.renew('g1', { fresh: true }), { counts: [] })
    t.match(await client.members('tea', 10), { users: [bob], count: 1 })
    t.same(changesIn(fixture, 'tea').at(-1), { joined: [], left: [ada], count: 1 })
    t.match(await g1.take('tea', ada), [{ count: 2 }])
  })

  t.test('a renewal tells what others have changed in the rooms of a gateway', async (t) => {
    const fixture = await makeFixture(t)
    const { client } = fixture
    const [g1, g2] = [await gatewayOf(fixture, 'g1'), await gatewayOf(fixture, 'g2')]
    await g1.take('tea', ada)
    await g1.take('coffee', ada)
    await client.renew('g1', old)
    const { version } = seatOf(await g2.takeOne('tea', bob))
    await g2.take('elsewhere', bob)
    const counts = (await client.renew('g1', old))?.counts
    // Rooms that have not changed may be among them.
    t.same(
      counts?.find(({ room }) => room === 'tea'),
      { room: 'tea', count: 2, version },
    )
    t.notOk(counts?.some(({ room }) => room === 'elsewhere'))
    await g1.give('tea', ada)
    t.notOk(
      (await client.renew('g1', old))?.counts.some(({ room }) => room === 'tea'),
      'no longer its room',
    )
  })
}

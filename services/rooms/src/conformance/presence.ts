import type { Test } from 'tap'
import {
  ada,
  bob,
  changesIn,
  eve,
  gatewayOf,
  isRising,
  joe,
  type MakeFixture,
  presenceOf,
  userOf,
} from './fixture.ts'

export function testPresence(t: Test, makeFixture: MakeFixture): void {
  t.test('gateways are told who comes and goes, with the count and its version', async (t) => {
    const fixture = await makeFixture(t)
    const { take, give } = await gatewayOf(fixture, 'g1')
    const [seat] = await take('tea', ada)
    await take('tea', bob)
    await take('coffee', eve)
    await give('tea', ada)
    const told = presenceOf(fixture, 'tea')
    t.same(
      told.map(({ version: _, ...rest }) => rest),
      [
        { type: 'presence', room: 'tea', joined: [ada], left: [], count: 1 },
        { type: 'presence', room: 'tea', joined: [bob], left: [], count: 2 },
        { type: 'presence', room: 'tea', joined: [], left: [ada], count: 1 },
      ],
    )
    t.match(seat, { version: told[0]?.version })
    t.ok(isRising(told.map(({ version }) => version)))
  })

  t.test('a batch is told in one signal for each room', async (t) => {
    const fixture = await makeFixture(t)
    const { take } = await gatewayOf(fixture, 'g1')
    await take('tea', ada, bob)
    await fixture.client.seats('g1', {
      take: [
        { room: 'tea', user: eve },
        { room: 'tea', user: joe },
        { room: 'coffee', user: eve },
      ],
      give: [{ room: 'tea', user: ada.id }],
    })
    const first = { joined: [ada, bob], left: [], count: 2 }
    t.same(changesIn(fixture, 'tea'), [first, { joined: [eve, joe], left: [ada], count: 3 }])
    t.same(changesIn(fixture, 'coffee'), [{ joined: [eve], left: [], count: 1 }])
  })

  t.test('what changes no count is not told', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('tea', { capacity: 1 })
    const [g1, g2] = [await gatewayOf(fixture, 'g1'), await gatewayOf(fixture, 'g2')]
    await g1.take('tea', ada)
    await g1.take('tea', ada, bob)
    await g2.take('tea', ada)
    await g1.give('tea', ada)
    await fixture.expire('g1')
    await g2.give('tea', bob)
    t.same(changesIn(fixture, 'tea'), [{ joined: [ada], left: [], count: 1 }])
    await g2.give('tea', ada)
    t.same(changesIn(fixture, 'tea').slice(1), [{ joined: [], left: [ada], count: 0 }])
  })

  t.test('what a lease leaves behind is told in one signal for each room', async (t) => {
    const fixture = await makeFixture(t)
    const g1 = await gatewayOf(fixture, 'g1')
    await g1.take('tea', ada, bob)
    await g1.take('coffee', ada)
    const before = fixture.signals.length
    await fixture.expire('g1')
    t.equal(fixture.signals.length, before + 2)
    t.same(changesIn(fixture, 'tea').at(-1), { joined: [], left: [ada, bob], count: 0 })
    t.same(changesIn(fixture, 'coffee').at(-1), { joined: [], left: [ada], count: 0 })
  })

  t.test('a signal names some of many, and has the exact count', async (t) => {
    const fixture = await makeFixture(t)
    const { take, give } = await gatewayOf(fixture, 'g1')
    const users = Array.from({ length: 300 }, (_, n) => userOf(`user${n}`))
    await take('tea', ...users)
    await give('tea', ...users)
    const [came, went] = changesIn(fixture, 'tea')
    t.same([came?.count, came?.left, went?.count, went?.joined], [300, [], 0, []])
    for (const named of [came?.joined ?? [], went?.left ?? []]) {
      t.ok(named.length >= 1 && named.length <= 100, `${named.length} names`)
      t.equal(new Set(named.map(({ id }) => id)).size, named.length)
    }
  })
}

import type { Test } from 'tap'
import { ada, bob, eve, gatewayOf, type MakeFixture } from './fixture.ts'

export function testMembers(t: Test, makeFixture: MakeFixture): void {
  t.test(
    'the members of a room are its users over all gateways, each once, in the order of ids',
    async (t) => {
      const fixture = await makeFixture(t)
      const { client } = fixture
      const [g1, g2] = [await gatewayOf(fixture, 'g1'), await gatewayOf(fixture, 'g2')]
      await g1.take('tea', eve, ada)
      await g2.take('tea', bob, ada)
      await g2.take('coffee', bob)
      t.match(await client.members('tea', 10), { users: [ada, bob, eve], count: 3 })
      const first = await client.members('tea', 2)
      t.same([first.users, first.count], [[ada, bob], 3], 'the count is of all of them')
      const empty = await client.members('nowhere', 10)
      t.same([empty.users, empty.count], [[], 0])
    },
  )
}

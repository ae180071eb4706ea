import type { Test } from 'tap'
import { ada, bob, changesIn, eve, gatewayOf, joe, type MakeFixture } from './fixture.ts'

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

  t.test('the owner and moderators are listed and announced with their roles', async (t) => {
    const fixture = await makeFixture(t)
    const { client } = fixture
    await fixture.createRoom('tea', { owner: ada.id })
    const [g1, g2] = [await gatewayOf(fixture, 'g1'), await gatewayOf(fixture, 'g2')]
    const [owner, moderator] = [{ ...ada, role: 'owner' } as const, { ...bob, role: 'moderator' } as const]
    await g1.takeOne('tea', ada, { moderator: true })
    await g1.takeOne('tea', bob)
    await g2.takeOne('tea', bob, { moderator: true })
    await g1.takeOne('tea', joe, { moderator: true })
    await g1.takeOne('tea', eve)
    const usersIn = async (room: string) => (await client.members(room, 10)).users
    t.same(await usersIn('tea'), [owner, moderator, eve, { ...joe, role: 'moderator' }])
    t.same(
      changesIn(fixture, 'tea').flatMap(({ joined }) => joined),
      [owner, bob, { ...joe, role: 'moderator' }, eve],
    )
    await g1.takeOne('tea', joe)
    await g2.takeOne('tea', bob)
    t.same(await usersIn('tea'), [owner, bob, eve, joe], 'a seat that is taken again changes the role')
    t.equal(changesIn(fixture, 'tea').length, 4, 'which is no presence')
    await g2.takeOne('coffee', ada)
    t.same(await usersIn('coffee'), [ada], 'nobody owns a room that has appeared')
  })
}

import type { Test } from 'tap'
import {
  ada,
  bob,
  eve,
  gatewayOf,
  isRising,
  joe,
  type MakeFixture,
  outcomesOf,
  seatOf,
  userOf,
} from './fixture.ts'

export function testSeats(t: Test, makeFixture: MakeFixture): void {
  t.test('seats are taken and given back, each change with a higher version', async (t) => {
    const fixture = await makeFixture(t)
    const { take, takeOne, give } = await gatewayOf(fixture, 'g1')
    const seats = [seatOf(await takeOne('tea', ada)), seatOf(await takeOne('tea', bob))]
    await give('tea', ada, bob)
    seats.push(seatOf(await takeOne('tea', eve)))
    t.same(outcomesOf(seats), [1, 2, 1])
    t.ok(isRising(seats.map(({ version }) => version)), 'also after the room was empty')
    t.notOk('capacity' in (seats[0] ?? {}))
    t.match(await take('coffee', ada), [{ count: 1 }], 'each room has its own count')
  })

  t.test('a call that is made again changes nothing, and gets the same answer', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('tea', { capacity: 1 })
    const { take, give } = await gatewayOf(fixture, 'g1')
    const first = await take('tea', ada)
    t.match(first, [{ count: 1, capacity: 1 }])
    t.same(await take('tea', ada), first)
    for (const user of [ada, ada, bob]) await give('tea', user)
    t.match(await fixture.client.members('tea', 10), { users: [], count: 0 })
  })

  t.test('the owner of a room is told as such, and nobody else', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('tea', { owner: ada.id })
    const { take, takeOne } = await gatewayOf(fixture, 'g1')
    t.same(
      (await take('tea', bob, ada)).map((seat) => seatOf(seat).owner ?? false),
      [false, true],
    )
    t.match(await takeOne('tea', ada), { owner: true }, 'also in the answer to a call that is made again')
    t.notOk('owner' in (await takeOne('coffee', ada)), 'nobody owns a room that has appeared')
  })

  t.test('a user on several gateways is counted once, and leaves with the last', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('tea', { capacity: 1 })
    const [g1, g2] = [await gatewayOf(fixture, 'g1'), await gatewayOf(fixture, 'g2')]
    const outcomes = [
      ...(await g1.take('tea', ada)),
      ...(await g2.take('tea', ada)),
      ...(await g2.take('tea', bob)),
    ]
    t.same(outcomesOf(outcomes), [1, 1, 'room-full'], 'in a full room her own place is hers')
    await g1.give('tea', ada)
    t.same(outcomesOf(await g1.take('tea', bob)), ['room-full'])
    await g2.give('tea', ada)
    t.same(outcomesOf(await g1.take('tea', bob)), [1])
  })

  t.test('a batch gives back first, then takes in its order as long as there is room', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('tea', { capacity: 2 })
    const { take } = await gatewayOf(fixture, 'g1')
    await take('tea', ada, bob)
    const answers = await fixture.client.seats('g1', {
      take: [
        { room: 'tea', user: eve },
        { room: 'coffee', user: eve },
        { room: 'tea', user: joe },
      ],
      give: [{ room: 'tea', user: ada.id }],
    })
    t.same(outcomesOf(answers ?? []), [2, 1, 'room-full'])
    t.match(answers?.[2], { message: /./ })
    t.match(await fixture.client.members('tea', 10), { users: [bob, eve], count: 2 })
  })

  t.test('each answer of a batch has the count after the whole batch', async (t) => {
    const fixture = await makeFixture(t)
    const { take } = await gatewayOf(fixture, 'g1')
    const answers = (await take('tea', ada, bob, eve)).map(seatOf)
    t.same(outcomesOf(answers), [3, 3, 3])
    t.equal(new Set(answers.map(({ version }) => version)).size, 1)
  })

  t.test('a room for the invited lets in moderators, and nobody else who was not', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('board', { inviteOnly: true })
    const { takeOne } = await gatewayOf(fixture, 'g1')
    t.match(await takeOne('board', ada), { refused: 'forbidden', message: /./ })
    t.match(await takeOne('board', bob, { moderator: true }), { count: 1 })
  })

  t.test('a banned user gets no seat, here or anywhere, until the ban is lifted', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('tea', {})
    const lift = await fixture.restrict({ kind: 'ban', user: eve.id, room: 'tea' })
    await fixture.restrict({ kind: 'ban', user: joe.id })
    await fixture.restrict({ kind: 'mute', user: bob.id })
    const { take } = await gatewayOf(fixture, 'g1')
    t.same(outcomesOf(await take('tea', bob, eve, joe)), [1, 'forbidden', 'forbidden'])
    t.same(outcomesOf(await take('coffee', bob, eve, joe)), [2, 2, 'forbidden'])
    await lift()
    t.same(outcomesOf(await take('tea', eve)), [2])
  })

  t.test('where a user may be once, a second gateway gets no seat for it', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('solo', { single: true })
    const [g1, g2] = [await gatewayOf(fixture, 'g1'), await gatewayOf(fixture, 'g2')]
    t.same(outcomesOf(await g1.take('solo', ada, bob)), [2, 2])
    t.same(outcomesOf(await g2.take('solo', ada)), ['already-joined'])
    t.same(outcomesOf(await g1.take('solo', ada)), [2], 'the first gateway may ask again')
    await g1.give('solo', ada)
    t.same(outcomesOf(await g2.take('solo', ada)), [2])
  })

  t.test('a deleted room may appear again', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('tea', { capacity: 1 })
    await fixture.deleteRoom('tea')
    const { take } = await gatewayOf(fixture, 'g1')
    t.same(outcomesOf(await take('tea', ada, bob)), [2, 2])
  })

  t.test('a batch that is too large, or names a seat twice, fails as a whole', async (t) => {
    const fixture = await makeFixture(t)
    const { client } = fixture
    await gatewayOf(fixture, 'g1')
    const take = Array.from({ length: 1_000 }, (_, n) => ({ room: 'tea', user: userOf(`user${n}`) }))
    const one = { room: 'tea', user: ada }
    const other = { room: 'tea', user: bob.id }
    await t.rejects(client.seats('g1', { take, give: [other] }))
    await t.rejects(client.seats('g1', { take: [one, one], give: [] }))
    await t.rejects(client.seats('g1', { take: [one], give: [{ room: 'tea', user: ada.id }] }))
    t.match(await client.members('tea', 10), { users: [], count: 0 })
    const answers = await client.seats('g1', { take, give: [] })
    t.ok(answers?.every((answer) => seatOf(answer).count === 1_000))
  })
}

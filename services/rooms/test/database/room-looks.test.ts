import type { RoomsReply } from '@rabble/contract'
import type { Refusal } from '../../src/client.ts'
import { fillLooks } from '../../src/rooms/room-looks.ts'
import { letRoomsAppear } from '../../src/rooms/room-rows.ts'
import { makeRoom, startReplica } from '../build.ts'
import { onBoth } from '../databases.ts'
import { gatewayOf } from '../gateway.ts'
import { ada, bob, buildApi, mona } from '../room-api.ts'

await onBoth(async (t, make) => {
  await t.test('a room that looks like another one is neither created nor joined', async (t) => {
    const { as, database } = await buildApi(t, await make(t))
    await as(ada, 'POST /api/rooms', { name: 'general', access: 'invite' })
    const replica = await startReplica(t, database)
    const { take } = await gatewayOf(replica, 'g1')
    for (const name of ['General', 'genera1', 'gеneral', 'g e n e r a l']) {
      t.match(
        await as(bob, 'POST /api/rooms', { name }),
        { status: 409, body: { code: 'room-exists' } },
        name,
      )
      t.match(await take(name, 'bob'), [{ refused: 'room-exists', message: /looks like/ }], name)
    }
    t.match(await take('generals', 'bob'), [{ count: 1 }])
    t.match(await take('Général', 'bob'), [{ count: 1 }], 'accents show')
    t.same(
      await take('room 1', 'ada', 'bob'),
      await take('room 1', 'ada', 'bob'),
      'to join again is no matter',
    )
    t.equal((await as(mona, 'DELETE /api/rooms/generals')).status, 204)
    t.match(await take('Generals', 'bob'), [{ count: 1 }], 'once it is gone another one may come to be')
  })

  await t.test('of rooms that look alike and come to be at once there is one', async (t) => {
    const { as, database } = await buildApi(t, await make(t))
    const replica = await startReplica(t, database)
    const gateways = await Promise.all(['g1', 'g2', 'g3'].map((name) => gatewayOf(replica, name)))
    const names = ['Teehaus', 'teehaus', 'TEEHAUS']
    const [created, ...answers] = await Promise.all([
      as(ada, 'POST /api/rooms', { name: 'Tееhaus' }),
      ...gateways.map(({ take }, index) => take(names[index] ?? '', 'bob')),
    ])
    const seats = answers.flatMap((answer) => answer ?? [])
    const refused = seats.filter((seat): seat is Refusal => 'refused' in seat)
    t.equal(refused.length, created?.status === 201 ? 3 : 2)
    t.match(
      refused,
      refused.map(() => ({ refused: 'room-exists' })),
    )
    t.equal((await database.query('select from rooms.rooms', [])).length, 1)
    t.same(
      [...(await letRoomsAppear(database.query, ['Cellar', 'attic', 'CELLAR'], new Map()))],
      ['CELLAR'],
      'in one batch',
    )
  })

  await t.test('rooms that were there before stay, and are known by their looks from then on', async (t) => {
    const { as, database } = await buildApi(t, await make(t))
    for (const name of ['Lounge', 'lounge', '\u3164', '.', 'x'.repeat(64)]) await makeRoom(database, name)
    const replica = await startReplica(t, database)
    const { take } = await gatewayOf(replica, 'g1')
    for (const name of ['Lounge', 'lounge']) t.match(await take(name, 'bob'), [{ count: 1 }], name)
    while ((await fillLooks(database)) > 0) {}
    for (const name of ['Lounge', 'lounge']) t.match(await take(name, 'ada'), [{ count: 2 }], name)
    t.match(await take('LOUNGE', 'bob'), [{ refused: 'room-exists' }])
    const listed: string[] = []
    for (let query = '?limit=1'; ; ) {
      const { rooms, next } = (await as(mona, `GET /api/rooms${query}`)).body as unknown as RoomsReply
      listed.push(...rooms.map(({ name }) => name))
      if (next === undefined) break
      query = `?limit=1&after=${encodeURIComponent(next)}`
    }
    t.same(listed, ['.', 'Lounge', 'lounge', 'x'.repeat(64), '\u3164'], 'lists do not stop at a name of then')
  })

  await t.test('a seat that can not be is refused alone, and those beside it are taken', async (t) => {
    const replica = await startReplica(t, await make(t))
    const { client } = await gatewayOf(replica, 'g1')
    const take = [
      { room: 'tea', user: { id: 'ada', name: 'Ada' } },
      { room: 'tea\ufe0f', user: { id: 'ada', name: 'Ada' } },
      { room: 'a:b', user: { id: 'ada', name: 'Ada' } },
      { room: 'tea', user: { id: '..', name: 'Bob' } },
      { room: 'talk', user: { id: 'bob', name: 'System' } },
      { room: 'talk', user: { id: 'eve', name: 'Eve' } },
    ]
    const invalid = { refused: 'bad-frame', message: /valid names/ }
    t.match(await client.seats('g1', { take, give: [] }), [
      { count: 1 },
      invalid,
      invalid,
      invalid,
      invalid,
      { count: 1 },
    ])
  })
})

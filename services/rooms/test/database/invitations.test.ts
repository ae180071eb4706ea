import { forgetRooms } from '../../src/rooms/forgotten-rooms.ts'
import { letRoomsAppear } from '../../src/rooms/room-rows.ts'
import { onBoth } from '../databases.ts'
import { ada, bob, buildApi, eve, mona } from '../room-api.ts'

await onBoth(async (t, make) => {
  await t.test(
    'an invite-only room is for those invited, and who is no longer invited is put out',
    async (t) => {
      const { as, client, signals } = await buildApi(t, await make(t))
      await as(ada, 'POST /api/rooms', { name: 'cellar', access: 'invite' })
      t.match(await as(undefined, 'GET /api/rooms/cellar'), { status: 401, body: { code: 'unauthorized' } })
      t.match(await as(bob, 'GET /api/rooms/cellar'), { status: 403, body: { code: 'forbidden' } })
      t.equal((await as(eve, 'PUT /api/rooms/cellar/invitations/eve')).status, 403)
      t.equal((await as(undefined, 'PUT /api/rooms/cellar/invitations/eve')).status, 401)
      t.equal((await as(ada, 'PUT /api/rooms/attic/invitations/bob')).status, 404)
      for (let twice = 0; twice < 2; twice++) {
        t.equal((await as(ada, 'PUT /api/rooms/cellar/invitations/bob')).status, 204)
      }
      for (const user of [ada, bob, mona]) t.equal((await as(user, 'GET /api/rooms/cellar')).status, 200)
      const before = signals.length
      for (let twice = 0; twice < 2; twice++) {
        t.equal((await as(ada, 'DELETE /api/rooms/cellar/invitations/bob')).status, 204)
      }
      const kick = { user: 'bob', room: 'cellar', message: /invitation/ }
      const [signal, ...others] = signals.slice(before)
      t.match(signal, { type: 'kick', ...kick })
      t.match(others, [{ type: 'policy' }])
      const { changes } = await client.policies(1)
      t.match(changes, [{ policy: { kind: 'kick', id: signal?.id, ...kick } }], 'the signal may get lost')
      t.equal((await as(bob, 'GET /api/rooms/cellar')).status, 403)
    },
  )

  await t.test(
    'what was said among those who are invited stays theirs, also when their room is deleted',
    async (t) => {
      const { as, client, database } = await buildApi(t, await make(t))
      await as(ada, 'POST /api/rooms', { name: 'cellar', access: 'invite' })
      await as(ada, 'POST /api/rooms', { name: 'attic' })
      await as(ada, 'PUT /api/rooms/cellar/invitations/bob')
      const rooms = ['cellar', 'attic', 'nowhere']
      const open = ['attic', 'nowhere']
      t.same(await client.readable(rooms, {}), open)
      t.same(await client.readable(rooms, { user: 'eve' }), open)
      for (const user of ['ada', 'bob']) t.same(await client.readable(rooms, { user }), rooms)
      t.same(await client.readable(rooms, { moderator: true }), rooms)

      t.equal((await as(ada, 'DELETE /api/rooms/cellar')).status, 204)
      for (const user of ['ada', 'bob', 'eve', undefined]) {
        t.same(await client.readable(rooms, user === undefined ? {} : { user }), open, String(user))
        t.same((await client.hidden(user)).names, ['cellar'], String(user))
      }
      t.same(await client.readable(rooms, { moderator: true }), rooms)
      t.match(await as(bob, 'GET /api/rooms/cellar'), { status: 403 })
      t.match(await as(bob, 'POST /api/rooms', { name: 'cellar' }), { status: 409 })
      await letRoomsAppear(database.query, ['cellar'], new Map())
      await database.query("update rooms.rooms set empty_since = now() - interval '2 days'", [])
      await forgetRooms(database)
      t.same(await client.readable(rooms, { user: 'bob' }), open)
      const { changes } = await client.policies(0)
      t.match(changes, [{ key: 'room:cellar', policy: { deleted: true, inviteOnly: true } }])
    },
  )

  await t.test('a room has only so many invitations', async (t) => {
    const database = await make(t)
    const { as } = await buildApi(t, database)
    await as(ada, 'POST /api/rooms', { name: 'general' })
    await database.query(
      `insert into rooms.invitations (room, user_id, invited_by)
       select 'general', 'user-' || n, 'ada' from generate_series(1, 9999) as numbers (n)`,
      [],
    )
    t.equal((await as(ada, 'PUT /api/rooms/general/invitations/bob')).status, 204)
    t.match(await as(ada, 'PUT /api/rooms/general/invitations/eve'), {
      status: 413,
      body: { code: 'too-large' },
    })
    t.equal((await as(ada, 'PUT /api/rooms/general/invitations/bob')).status, 204)
  })
})

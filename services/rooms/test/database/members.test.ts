import { MembersReply, type User } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import { makeRoom, type Replica, startReplica, tokens, userOf } from '../build.ts'
import { onBoth } from '../databases.ts'

async function seat(replica: Replica, gateway: string, room: string, users: string[]) {
  const client = replica.client()
  await client.renew(gateway, { fresh: true })
  await client.seats(gateway, { take: users.map((user) => ({ room, user: userOf(user) })), give: [] })
}

async function ask(replica: Replica, url: string, user?: User, roles: string[] = []) {
  const headers = user && { authorization: `Bearer ${await tokens.sign(user, 60, roles)}` }
  const reply = await replica.app.inject({ url: `/api/rooms/${url}`, ...(headers && { headers }) })
  return { status: reply.statusCode, body: reply.json() }
}

await onBoth(async (t, make) => {
  await t.test(
    'members are told in pages, each user once over all gateways, with an exact count',
    async (t) => {
      const database = await make(t)
      const replica = await startReplica(t, database)
      const users = Array.from({ length: 25 }, (_, n) => `user-${String(n).padStart(2, '0')}`)
      await seat(replica, 'g1', 'tea', users.slice(0, 15))
      await seat(replica, 'g2', 'tea', users.slice(10))
      const found: string[] = []
      for (let more = true; more; ) {
        const after = found.length > 0 ? `&after=${found.at(-1)}` : ''
        const { status, body } = await ask(replica, `tea/members?limit=10${after}`)
        t.equal(status, 200)
        t.ok(Value.Check(MembersReply, body))
        t.equal(body.count, 25)
        found.push(...body.users.map(({ id }: User) => id))
        more = body.hasMore
      }
      t.same(found, users)
      const { users: some, count } = await replica.client().members('tea', 3)
      t.same({ some, count }, { some: users.slice(0, 3).map(userOf), count: 25 })
      t.match(await replica.client().members('nowhere', 3), { users: [], count: 0 })
    },
  )

  await t.test('who is in a room of the invited, only these are told', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database)
    await makeRoom(database, 'guild', { access: 'invite', createdBy: 'owner' })
    await database.query(
      `insert into rooms.invitations (room, user_id, invited_by) values ('guild', 'ada', 'owner')`,
    )
    await seat(replica, 'g1', 'guild', ['ada'])
    const url = 'guild/members'
    t.match(await ask(replica, url, userOf('ada')), {
      status: 200,
      body: { users: [userOf('ada')], count: 1 },
    })
    t.equal((await ask(replica, url, userOf('owner'))).status, 200)
    t.equal((await ask(replica, url, userOf('mona'), ['moderator'])).status, 200)
    t.match(await ask(replica, url, userOf('eve')), { status: 403, body: { code: 'forbidden' } })
    t.match(await ask(replica, url), { status: 401, body: { code: 'unauthorized' } })
  })

  await t.test('questions that can’t be answered are told why', async (t) => {
    const database = await make(t)
    const replica = await startReplica(t, database, { requireToken: true })
    const ada = userOf('ada')
    t.match(await ask(replica, 'nowhere/members', ada), { status: 404, body: { code: 'room-not-found' } })
    t.match(await ask(replica, 'dm:a:b/members', ada), { status: 400, body: { code: 'bad-frame' } })
    t.equal((await ask(replica, 'tea/members?limit=0', ada)).status, 400)
    t.equal((await ask(replica, 'tea/members?limit=1001', ada)).status, 400)
    t.match(
      await ask(replica, 'tea/members'),
      { status: 401, body: { code: 'unauthorized' } },
      'without a token',
    )
    t.equal((await replica.app.inject('/internal/rooms/tea/members')).statusCode, 401)
  })
})

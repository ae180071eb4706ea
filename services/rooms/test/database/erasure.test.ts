import { ErasureReply } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import type { Database } from '@rabble/database'
import { forgetErasures } from '../../src/users/erasure.ts'
import { onBoth } from '../databases.ts'
import { createCopy } from '../policy-copy.ts'
import { ada, bob, buildApi, eve, mona } from '../room-api.ts'

const path = '/api/users/ada/erasure'
const confirm = { confirm: 'ada' }
const nothing = { messages: 0, reactions: 0, conversations: 0 }

/** Gives Ada a session of a browser, a name that it reserves, and another one that a gateway holds for her. */
async function settle(database: Database): Promise<void> {
  await database.query(
    `insert into rooms.sessions (id, user_id, name, guest, network, expires_at)
     values ('s1', 'ada', 'Ada', true, 'n', now() + interval '1 day'), ('s2', 'bob', 'Bob', true, 'n', now() + interval '1 day')`,
  )
  await database.query(
    `insert into rooms.names (skeleton, name, user_id, kept, expires_at, reserved_until)
     values ('ada', 'Ada', 'ada', true, now() + interval '1 day', now() + interval '1 day'),
       ('bob', 'Bob', 'bob', true, now() + interval '1 day', now() + interval '1 day')`,
  )
}

await onBoth(async (t, make) => {
  await t.test(
    'a user who asks to be erased is out of everything at once, and history is told',
    async (t) => {
      const { as, client, database, signals } = await buildApi(t, await make(t))
      const copy = createCopy({ client })
      await settle(database)
      await as(mona, 'POST /api/rooms', { name: 'tea', access: 'invite' })
      await as(mona, 'PUT /api/rooms/tea/invitations/ada')
      await as(ada, 'POST /api/rooms', { name: 'hers' })
      const before = await client.userRecord('ada')
      t.match(before, { names: ['Ada'], sessions: [{ name: 'Ada', guest: true }], rooms: ['hers'] })
      t.match(before, { invitations: [{ room: 'tea' }], restrictions: [] })
      await copy.follow()
      signals.length = 0

      const answer = await as(ada, `POST ${path}`, confirm)
      t.equal(answer.status, 202)
      t.ok(Value.Check(ErasureReply, answer.body))
      t.match(answer.body, { user: 'ada', state: 'running', requestedBy: 'ada', ...nothing })
      t.match(signals, [{ type: 'kick', user: 'ada' }, { type: 'policy' }])
      await copy.follow()
      t.match(
        [...copy.entries.values()],
        [
          { kind: 'room', room: 'tea' },
          { kind: 'session', session: 's1', user: 'ada' },
          { kind: 'ban', user: 'ada', expiresAt: Date.parse(String(answer.body.barredUntil)) },
        ],
      )
      const record = await client.userRecord('ada')
      t.match(record, {
        names: [],
        sessions: [],
        invitations: [],
        rooms: ['hers'],
        restrictions: [{ kind: 'ban' }],
      })
      t.match(
        await client.userRecord('bob'),
        { names: ['Bob'], sessions: [{ name: 'Bob' }] },
        'and nobody else',
      )
      t.match(await client.erasures(), [{ user: 'ada' }])
    },
  )

  await t.test('another request returns the erasure that is under way', async (t) => {
    const { as, client, database } = await buildApi(t, await make(t))
    const first = await as(ada, `POST ${path}`, confirm)
    t.same((await as(ada, `POST ${path}`, confirm)).body, first.body, 'although she is banned by then')
    t.same((await as(mona, `POST ${path}`, confirm)).body, first.body)
    t.same((await as(ada, `GET ${path}`)).body, first.body)
    t.equal((await client.erasures()).length, 1)
    const audit = await as(mona, 'GET /api/audit?action=user.erase')
    t.match(audit.body.entries, [{ actor: { id: 'ada' }, user: 'ada' }])

    await client.erased('ada', { ...nothing, complete: true })
    t.match((await as(ada, `POST ${path}`, confirm)).body, { state: 'done', requestedBy: 'ada' })
    const again = await as(mona, `POST ${path}`, confirm)
    t.match(again.body, { state: 'running', requestedBy: 'mona' }, 'a moderator may know of more')
    t.match(await client.erasures(), [{ user: 'ada' }])
    await database.query(
      "update rooms.erasures set barred_until = now() - interval '1 s', finished_at = now()",
    )
    t.match((await as(ada, `POST ${path}`, confirm)).body, { state: 'running', requestedBy: 'ada' })
  })

  await t.test('only the user and moderators may ask, and not by mistake', async (t) => {
    const { as, client } = await buildApi(t, await make(t))
    t.equal((await as(undefined, `POST ${path}`, confirm)).status, 401)
    t.equal((await as(eve, `POST ${path}`, confirm)).status, 403)
    for (const body of [{}, { confirm: 'eve' }, { confirm: '' }, { confirm: true }]) {
      t.match(await as(ada, `POST ${path}`, body), { status: 400, body: { code: 'bad-frame' } })
    }
    t.equal((await as(mona, 'POST /api/users/a%20b/erasure', { confirm: 'a b' })).status, 400)
    t.equal((await as(mona, 'POST /api/users/system/erasure', { confirm: 'system' })).status, 400)
    t.same(await client.erasures(), [])
    t.match(await as(ada, `GET ${path}`), { status: 404, body: { code: 'not-found' } })
    await as(mona, `POST ${path}`, confirm)
    t.equal((await as(eve, `GET ${path}`)).status, 403)
    t.equal((await as(undefined, `GET ${path}`)).status, 401)
    t.equal((await as(mona, `GET ${path}`)).status, 200)
  })

  await t.test(
    'the end comes when history has found nothing more and the audit has only the id',
    async (t) => {
      const { as, client, database } = await buildApi(t, await make(t))
      await as(ada, 'POST /api/rooms', { name: 'hers' })
      await as(ada, 'POST /api/moderation/mutes', { user: 'eve', room: 'hers' })
      await database.query(
        `insert into rooms.audit (actor_id, actor_name, action, detail)
       select case when n = 1 then 'bob' else 'ada' end, 'Ada', 'login.refused', '{"name":"Ada","address":"::1"}'
       from generate_series(1, 1200) as numbers (n)`,
      )
      await as(mona, `POST ${path}`, confirm)
      const progress = { messages: 7, reactions: 2, conversations: 1 }
      t.same(await client.erased('ada', { ...progress, complete: false }), { more: false })
      await client.erased('ada', { ...nothing, messages: 3, complete: false })
      t.match((await as(mona, `GET ${path}`)).body, { ...progress, messages: 10, state: 'running' })
      t.same(await client.erased('ada', { ...nothing, complete: true }), { more: true }, 'a part at a time')
      t.match((await as(mona, `GET ${path}`)).body, { state: 'running' })
      t.same(await client.erased('ada', { ...nothing, complete: true }), { more: false })
      t.match((await as(mona, `GET ${path}`)).body, { ...progress, messages: 10, state: 'done' })

      const named = await database.query<{ actor_id: string }>(
        "select actor_id from rooms.audit where actor_name = 'Ada' or detail like '%Ada%'",
      )
      t.same(named, [{ actor_id: 'bob' }], 'what another one did stays')
      const acts = await as(mona, 'GET /api/audit?actor=ada&action=mute')
      t.match(acts.body.entries, [{ actor: { id: 'ada', name: '' }, user: 'eve' }])
      const mutes = await as(mona, 'GET /api/moderation/mutes')
      t.match(mutes.body, { mutes: [{ user: 'eve', by: { id: 'ada', name: '' } }] })
    },
  )

  await t.test(
    'history looks again until the user may come in, and then the state is forgotten',
    async (t) => {
      const { as, client, database } = await buildApi(t, await make(t))
      await as(ada, `POST ${path}`, confirm)
      await client.erased('ada', { ...nothing, complete: true })
      t.same(await client.erasures(), [], 'not at once')
      await database.query("update rooms.erasures set due_at = due_at - interval '10 minutes'")
      t.match(await client.erasures(), [{ user: 'ada' }])
      t.equal((await as(ada, `GET ${path}`)).body.state, 'done')
      await database.query("update rooms.erasures set finished_at = now() - interval '31 days'")
      t.equal(await forgetErasures(database), 0, 'not while history still looks')
      await database.query("update rooms.erasures set barred_until = now() - interval '1 second'")
      await client.erased('ada', { ...nothing, complete: true })
      await database.query("update rooms.erasures set due_at = due_at - interval '1 day'")
      t.same(await client.erasures(), [])
      t.equal(await forgetErasures(database), 1)
      t.equal((await as(ada, `GET ${path}`)).status, 404)
    },
  )

  await t.test('a ban that lasts longer stays, and its user may be forgotten as well', async (t) => {
    const { as } = await buildApi(t, await make(t))
    await as(mona, 'POST /api/moderation/bans', { user: 'ada', reason: 'spam' })
    await as(mona, 'POST /api/moderation/bans', { user: 'bob', reason: 'noise', seconds: 60 })
    t.equal((await as(ada, `POST ${path}`, confirm)).status, 202)
    const { body } = await as(bob, 'POST /api/users/bob/erasure', { confirm: 'bob' })
    const bans = (await as(mona, 'GET /api/moderation/bans')).body.bans as { expiresAt?: string }[]
    t.match(bans, [
      { user: 'ada', reason: 'spam' },
      { user: 'bob', reason: 'noise', expiresAt: body.barredUntil },
    ])
    t.notOk('expiresAt' in (bans[0] ?? {}))
  })

  await t.test('one address can’t fill the gateways with bans of users who are erased', async (t) => {
    const { as } = await buildApi(t, await make(t))
    const statuses: number[] = []
    for (let n = 0; n < 21; n++) {
      const guest = { id: `guest-${n}`, name: `Guest ${n}` }
      statuses.push((await as(guest, `POST /api/users/${guest.id}/erasure`, { confirm: guest.id })).status)
    }
    t.same([...new Set(statuses.slice(0, 20)), statuses[20]], [202, 429])
    const first = { id: 'guest-0', name: 'Guest 0' }
    const again = await as(first, 'POST /api/users/guest-0/erasure', { confirm: 'guest-0' })
    t.equal(again.status, 202, 'a repeated request costs nothing')
    t.equal((await as(mona, `POST ${path}`, confirm)).status, 202)
  })
})

import { setImmediate as turn } from 'node:timers/promises'
import { changesSince, checkPolicies, forgetPolicies, putPolicies } from '../../src/policies/policies.ts'
import { letRoomsAppear } from '../../src/rooms/room-rows.ts'
import { onBoth } from '../databases.ts'
import { createCopy } from '../policy-copy.ts'
import { ada, buildApi, mona } from '../room-api.ts'

const hour = 60 * 60 * 1000

await onBoth(async (t, make) => {
  await t.test(
    'policies are loaded in pages, also by a copy that is too old, and also while they change',
    async (t) => {
      const database = await make(t)
      const api = await buildApi(t, database)
      const put = (from: number, to: number, gone = false) =>
        database.transaction((query) =>
          putPolicies(
            query,
            Array.from({ length: to - from }, (_, n) => ({
              key: `restriction:${from + n}`,
              policy: gone ? null : { kind: 'ban' as const, user: `user-${from + n}` },
            })),
          ),
        )
      t.equal(await put(0, 2500), 2500)
      t.equal(await put(0, 2500), undefined)
      t.equal(await put(5000, 5010, true), undefined)
      const copy = createCopy(api)
      t.same(
        (await copy.follow()).map(({ changes, more }) => [changes.length, more]),
        [
          [1000, true],
          [1000, true],
          [500, false],
        ],
      )
      await put(0, 100, true)
      await database.query("update rooms.policies set changed_at = now() - interval '25 hours'", [])
      t.equal(await forgetPolicies(database), 100)
      const pages = await copy.follow()
      t.same(
        pages.map(({ changes, reset, more }) => [changes.length, reset, more]),
        [
          [1000, true, true],
          [1000, false, true],
          [400, false, false],
        ],
      )
      t.equal(copy.entries.size, 2400)

      const first = await changesSince(database, { since: 0, loading: false, limit: 1000 })
      await put(100, 200, true)
      const rest = await changesSince(database, { since: first.version, loading: true, limit: 5000 })
      t.equal(rest.changes.length, 1400)
      const later = await changesSince(database, { since: 2600, loading: false })
      t.same(
        later.changes.map(({ policy }) => policy),
        Array(100).fill(null),
      )
      t.equal((await changesSince(database, { since: 2 ** 40, loading: false })).reset, true)
    },
  )

  await t.test('versions become visible in their order, however many change policies at once', async (t) => {
    const api = await buildApi(t, await make(t))
    const copy = createCopy(api)
    let running = true
    const followed = (async () => {
      while (running) {
        await copy.follow()
        await turn()
      }
      await copy.follow()
    })()
    async function ban(user: string): Promise<void> {
      const { status } = await api.as(mona, 'POST /api/moderation/bans', { user })
      // On a busy machine some requests are too late.
      if (status === 503) return ban(user)
      t.equal(status, 201)
    }
    await Promise.all(Array.from({ length: 40 }, (_, n) => ban(`user-${n}`)))
    running = false
    await followed
    t.equal(copy.entries.size, 40)
  })

  await t.test(
    'rooms are told to gateways as far as they are not for everybody, and when they are deleted',
    async (t) => {
      const api = await buildApi(t, await make(t))
      const { as, signals } = api
      const copy = createCopy(api)
      await as(ada, 'POST /api/rooms', { name: 'plain', topic: 'nothing special', announce: true })
      t.same(signals, [])
      await as(ada, 'POST /api/rooms', { name: 'small', capacity: 2, single: true, access: 'invite' })
      await copy.follow()
      const small = { kind: 'room', room: 'small', capacity: 2, inviteOnly: true, single: true }
      t.same([...copy.entries], [['room:small', small]])
      await as(ada, 'PATCH /api/rooms/small', { access: 'open', single: false, capacity: 1 })
      await copy.follow()
      t.same(copy.entries.get('room:small'), { kind: 'room', room: 'small', capacity: 1 })
      const told = signals.length
      await as(ada, 'PATCH /api/rooms/small', { topic: 'no news for gateways' })
      t.equal(signals.length, told)
      await as(ada, 'PATCH /api/rooms/small', { capacity: null, receipts: false, mentionAll: true })
      await copy.follow()
      t.same(copy.entries.get('room:small'), {
        kind: 'room',
        room: 'small',
        receipts: false,
        mentionAll: true,
      })
      t.match((await as(ada, 'GET /api/rooms/small')).body, { receipts: false, mentionAll: true })
      await as(ada, 'PATCH /api/rooms/small', { receipts: true, mentionAll: false })
      await copy.follow()
      t.same([...copy.entries], [])

      await as(mona, 'POST /api/moderation/bans', { user: 'eve', room: 'plain' })
      await copy.follow()
      const deleted = { kind: 'room', room: 'plain', deleted: true }
      for (let twice = 0; twice < 2; twice++) {
        t.equal((await as(mona, 'DELETE /api/rooms/plain')).status, 204)
        const [{ changes } = { changes: [] }] = await copy.follow()
        t.same(changes[0], { key: 'room:plain', policy: deleted })
        t.same([...copy.entries], [['room:plain', deleted]])
        await letRoomsAppear(api.database.query, ['plain'], new Map())
      }
      await as(mona, 'DELETE /api/rooms/plain')
      await as(mona, 'POST /api/rooms', { name: 'plain' })
      await copy.follow()
      t.same([...copy.entries], [])
      t.same((await as(mona, 'GET /api/moderation/bans')).body, { bans: [], hasMore: false })
    },
  )

  await t.test('what is for services is for services only', async (t) => {
    const { as } = await buildApi(t, await make(t))
    for (const request of [
      'GET /internal/policies?since=0',
      'GET /internal/retention',
      'POST /internal/audit',
    ]) {
      const body = request.startsWith('POST') ? { entries: [] } : undefined
      for (const user of [undefined, ada, mona]) {
        t.match(await as(user, request, body), { status: 401, body: { code: 'unauthorized' } }, request)
      }
    }
  })

  await t.test('history is told what is kept of rooms that differ', async (t) => {
    const { as, client, database } = await buildApi(t, await make(t))
    await as(ada, 'POST /api/rooms', { name: 'plain' })
    await as(ada, 'POST /api/rooms', { name: 'short', retention: { days: 2 } })
    await as(ada, 'POST /api/rooms', { name: '__proto__', retention: { messages: 10, days: 1 } })
    await database.query(
      `insert into rooms.rooms (name, folded, retention_messages)
       select 'many-' || n, '', n from generate_series(1, 2500) as numbers (n)`,
      [],
    )
    const all = await client.retention()
    t.equal(all.size, 2502)
    t.same(all.get('short'), { maxAge: 48 * hour })
    t.same(all.get('__proto__'), { maxAge: 24 * hour, maxMessages: 10 })
    t.same(all.get('many-2500'), { maxMessages: 2500 })
  })

  await t.test('where everybody has a token, a ban hides rooms that are for all others', async (t) => {
    const { as, client } = await buildApi(t, await make(t), { requireToken: true })
    for (const name of ['tea', 'board']) await as(ada, 'POST /api/rooms', { name })
    await as(ada, 'POST /api/rooms', { name: 'cellar', access: 'invite' })
    await as(ada, 'POST /api/moderation/bans', { user: 'eve', room: 'tea' })
    await as(mona, 'POST /api/moderation/bans', { user: 'joe' })
    t.same(await client.hidden('eve'), { everything: false, names: ['cellar', 'tea'] })
    t.same(await client.hidden('ada'), { everything: false, names: [] })
    t.same(await client.hidden('joe'), { everything: true, names: [] })
  })

  await t.test('who is no moderator adds rules only while there are not too many of all', async (t) => {
    const database = await make(t)
    const { as } = await buildApi(t, database)
    await as(ada, 'POST /api/rooms', { name: 'tea', capacity: 5 })
    await as(ada, 'POST /api/moderation/bans', { user: 'eve', room: 'tea' })
    const keys = await database.query<{ key: string }>('select key from rooms.policies order by key', [])
    const [ban = '', room = ''] = keys.map(({ key }) => key)
    const check = (key: string, limits: object) =>
      checkPolicies(database.query, [{ key, policy: { kind: 'ban', user: 'joe' } }], {
        ...{ room: 2, restriction: 2, kick: 2, session: 2 },
        ...limits,
      })
    const full = { room: 1, restriction: 1 }
    for (const key of ['restriction:0', 'room:more']) {
      await check(key, {})
      await t.rejects(check(key, full), { code: 'too-large' })
    }
    for (const key of [ban, room]) await check(key, full)
    await check('kick:0', full)
  })
})

import { BansReply, MutesReply, RestrictionReply } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import { onBoth } from '../databases.ts'
import { createCopy } from '../policy-copy.ts'
import { ada, bob, buildApi, eve, mona } from '../room-api.ts'

const hour = 60 * 60 * 1000

await onBoth(async (t, make) => {
  await t.test('a ban is told to gateways, listed, and can be lifted', async (t) => {
    const api = await buildApi(t, await make(t))
    const { as, signals } = api
    const copy = createCopy(api)
    await copy.follow()
    const ban = await as(mona, 'POST /api/moderation/bans', { user: 'eve', seconds: 3600, reason: 'spam' })
    t.equal(ban.status, 201)
    t.match(ban.body, { user: 'eve', reason: 'spam', by: mona })
    t.ok(Value.Check(RestrictionReply, ban.body))
    const ends = Date.parse(String(ban.body.expiresAt))
    t.ok(Math.abs(ends - Date.now() - hour) < hour / 2)
    const key = `restriction:${ban.body.id}`
    t.match(signals, [
      { type: 'kick', user: 'eve', message: 'this user was banned: spam' },
      { type: 'policy', version: 1 },
    ])
    t.notOk('room' in (signals[0] ?? {}))
    await copy.follow()
    t.same([...copy.entries], [[key, { kind: 'ban', user: 'eve', expiresAt: ends, reason: 'spam' }]])

    const listed = await as(mona, 'GET /api/moderation/bans')
    t.same(listed.body, { bans: [ban.body], hasMore: false })
    t.ok(Value.Check(BansReply, listed.body))
    t.same((await as(mona, 'GET /api/moderation/mutes')).body, { mutes: [], hasMore: false })

    const again = await as(mona, 'POST /api/moderation/bans', { user: 'eve', reason: 'more spam' })
    t.match(again, { status: 201, body: { id: ban.body.id, reason: 'more spam' } })
    t.notOk('expiresAt' in again.body)
    t.same((await as(mona, 'GET /api/moderation/bans?user=eve')).body, { bans: [again.body], hasMore: false })
    await copy.follow()
    t.same([...copy.entries], [[key, { kind: 'ban', user: 'eve', reason: 'more spam' }]])

    t.equal((await as(mona, `DELETE /api/moderation/mutes/${ban.body.id}`)).status, 404)
    t.equal((await as(mona, `DELETE /api/moderation/bans/${ban.body.id}`)).status, 204)
    t.match(await as(mona, `DELETE /api/moderation/bans/${ban.body.id}`), {
      status: 404,
      body: { code: 'not-found', message: 'there is no such ban' },
    })
    t.same(signals.at(-1), { type: 'policy', version: 3 })
    const [{ changes } = { changes: [] }] = await copy.follow()
    t.same(changes, [{ key, policy: null }])
    t.same((await as(mona, 'GET /api/moderation/bans')).body, { bans: [], hasMore: false })
  })

  await t.test('a mute puts nobody out, and one in a room is apart from one everywhere', async (t) => {
    const api = await buildApi(t, await make(t))
    const { as, signals } = api
    await as(ada, 'POST /api/rooms', { name: 'general' })
    const here = await as(ada, 'POST /api/moderation/mutes', { user: 'eve', room: 'general' })
    t.match(here, { status: 201, body: { user: 'eve', room: 'general', reason: '' } })
    const everywhere = await as(mona, 'POST /api/moderation/mutes', { user: 'eve' })
    t.not(here.body.id, everywhere.body.id)
    t.same([...new Set(signals.map(({ type }) => type))], ['policy'])
    const copy = createCopy(api)
    await copy.follow()
    t.same(
      [...copy.entries.values()],
      [
        { kind: 'mute', user: 'eve', room: 'general' },
        { kind: 'mute', user: 'eve' },
      ],
    )
    const listed = await as(ada, 'GET /api/moderation/mutes?room=general')
    t.same(listed.body, { mutes: [here.body], hasMore: false })
    t.ok(Value.Check(MutesReply, listed.body))
    const first = await as(mona, 'GET /api/moderation/mutes?limit=1')
    t.same(first.body, { mutes: [here.body], hasMore: true })
    const second = await as(mona, `GET /api/moderation/mutes?limit=1&after=${here.body.id}`)
    t.same(second.body, { mutes: [everywhere.body], hasMore: false })
  })

  await t.test('who created a room moderates it, and nothing else', async (t) => {
    const { as, client, signals } = await buildApi(t, await make(t))
    await as(ada, 'POST /api/rooms', { name: 'hers' })
    await as(bob, 'POST /api/rooms', { name: 'his' })
    const requests = ['kicks', 'bans', 'mutes']
    for (const list of requests) {
      const request = `POST /api/moderation/${list}`
      t.match(await as(undefined, request, { user: 'eve' }), { status: 401, body: { code: 'unauthorized' } })
      t.match(await as(ada, request, { user: 'eve' }), {
        status: 403,
        body: { message: 'only moderators may do this' },
      })
      t.match(await as(ada, request, { user: 'eve', room: 'his' }), {
        status: 403,
        body: { code: 'forbidden' },
      })
      t.match(await as(ada, request, { user: 'eve', room: 'none' }), {
        status: 404,
        body: { code: 'room-not-found' },
      })
      t.match(await as(mona, request, { user: 'eve', room: 'his' }), { status: list === 'kicks' ? 204 : 201 })
    }
    for (const list of ['bans', 'mutes']) {
      const own = await as(ada, `POST /api/moderation/${list}`, { user: 'eve', room: 'hers' })
      t.equal(own.status, 201)
      t.same(
        await as(bob, `DELETE /api/moderation/${list}/${own.body.id}`).then(({ status, body }) => ({
          status,
          body,
        })),
        await as(bob, `DELETE /api/moderation/${list}/999999`).then(({ status, body }) => ({ status, body })),
        'an id tells nobody else whether there is one',
      )
      t.equal((await as(bob, `DELETE /api/moderation/${list}/${own.body.id}`)).status, 404)
      t.equal((await as(undefined, `DELETE /api/moderation/${list}/${own.body.id}`)).status, 401)
      t.equal((await as(ada, `GET /api/moderation/${list}`)).status, 403)
      t.equal((await as(ada, `GET /api/moderation/${list}?room=his`)).status, 403)
      t.equal((await as(undefined, `GET /api/moderation/${list}?room=hers`)).status, 401)
      t.equal((await as(ada, `GET /api/moderation/${list}?room=hers`)).status, 200)
      t.equal((await as(ada, `DELETE /api/moderation/${list}/${own.body.id}`)).status, 204)
    }
    const before = signals.length
    t.equal(
      (await as(ada, 'POST /api/moderation/kicks', { user: 'eve', room: 'hers', reason: 'enough' })).status,
      204,
    )
    const [kick, ...others] = signals.slice(before)
    const here = { user: 'eve', room: 'hers', message: 'a moderator removed this user: enough' }
    t.match(kick, { type: 'kick', ...here })
    t.match(others, [{ type: 'policy' }])
    const everywhere = { user: 'eve', message: 'a moderator removed this user' }
    t.equal((await as(mona, 'POST /api/moderation/kicks', { user: 'eve' })).status, 204)
    t.match(signals.at(-2), { type: 'kick', ...everywhere })
    t.notOk('room' in (signals.at(-2) ?? {}))
    const { changes } = await client.policies(Number(others[0]?.version) - 1)
    t.match(
      changes.map(({ policy }) => policy),
      [
        { kind: 'kick', id: kick?.id, ...here },
        { kind: 'kick', id: signals.at(-2)?.id, ...everywhere },
      ],
      'which is there if a signal gets lost',
    )
  })

  await t.test('a ban holds for whatever may be done and read without a connection', async (t) => {
    const { as, client } = await buildApi(t, await make(t))
    await as(ada, 'POST /api/rooms', { name: 'cellar', access: 'invite' })
    await as(ada, 'POST /api/rooms', { name: 'open' })
    await as(ada, 'PUT /api/rooms/cellar/invitations/eve')
    const rooms = ['cellar', 'open']
    const listed = async (user: typeof eve) =>
      ((await as(user, 'GET /api/rooms')).body.rooms as { name: string }[]).map(({ name }) => name)
    const ban = async (user: string, room?: string) =>
      (await as(mona, 'POST /api/moderation/bans', { user, ...(room !== undefined && { room }) })).body.id
    const unban = (id: unknown) => as(mona, `DELETE /api/moderation/bans/${id}`)
    t.same([await client.readable(rooms, { user: 'eve' }), await listed(eve)], [rooms, rooms])

    const here = await ban('eve', 'cellar')
    t.match(await as(eve, 'GET /api/rooms/cellar'), { status: 403, body: { code: 'forbidden' } })
    t.same([await client.readable(rooms, { user: 'eve' }), await listed(eve)], [['open'], ['open']])
    t.same(await client.readable(rooms, { user: 'ada' }), rooms)
    await unban(here)
    t.same(await client.readable(rooms, { user: 'eve' }), rooms)

    const everywhere = await ban('ada')
    t.same(await client.readable([...rooms, 'none'], { user: 'ada' }), [])
    for (const request of [
      'POST /api/rooms',
      'PATCH /api/rooms/open',
      'DELETE /api/rooms/open',
      'PUT /api/rooms/cellar/invitations/bob',
      'POST /api/moderation/kicks',
      'POST /api/moderation/bans',
    ]) {
      const answer = await as(ada, request, { name: 'another', user: 'eve', room: 'open' })
      t.match(answer, { status: 403, body: { code: 'forbidden', message: /banned/ } }, request)
    }
    await unban(everywhere)
    t.equal((await as(ada, 'PATCH /api/rooms/open', { topic: 'hers again' })).status, 200)

    const own = await ban('ada', 'open')
    t.equal((await as(ada, `DELETE /api/moderation/bans/${own}`)).status, 404, 'nobody lifts their own ban')
    t.equal((await as(ada, 'GET /api/moderation/bans?room=open')).status, 403)
    t.equal((await as(ada, 'DELETE /api/rooms/open')).status, 403)
    t.equal((await as(ada, 'PATCH /api/rooms/cellar', { topic: 'another room' })).status, 200)
  })

  await t.test('the owner of a room keeps only so many out of it, moderators any number', async (t) => {
    const database = await make(t)
    const { as } = await buildApi(t, database)
    await as(ada, 'POST /api/rooms', { name: 'hers' })
    await database.query(
      `insert into rooms.restrictions (kind, user_id, room, by_id, by_name)
       select 'mute', 'user-' || n, 'hers', 'ada', 'Ada' from generate_series(1, 999) as numbers (n)`,
      [],
    )
    const ban = (by: typeof ada, user: string) => as(by, 'POST /api/moderation/bans', { user, room: 'hers' })
    t.equal((await ban(ada, 'eve')).status, 201)
    t.match(await ban(ada, 'bob'), { status: 413, body: { code: 'too-large' } })
    t.equal((await ban(ada, 'eve')).status, 201)
    t.equal((await ban(mona, 'bob')).status, 201)
    t.equal((await as(ada, 'GET /api/moderation/bans?room=hers')).body.hasMore, false)
  })

  await t.test('a request for moderators that breaks a rule is told which', async (t) => {
    const { as } = await buildApi(t, await make(t))
    const wrong: [object, RegExp][] = [
      [{}, /required property 'user'/],
      [{ user: 'b b' }, /user must be the id of a user/],
      [{ user: 'system' }, /user must be the id of a user/],
      [{ user: 'eve', room: 'dm:ada:bob' }, /a room name has/],
      [{ user: 'eve', reason: 'x'.repeat(257) }, /reason must NOT have more than 256/],
      [{ user: 'eve', reason: 'a\nb' }, /reason must be one line/],
    ]
    const longer: [object, RegExp][] = [
      [{ user: 'eve', seconds: 0 }, /seconds must be >= 1/],
      [{ user: 'eve', seconds: 1e12 }, /seconds must be <= /],
      [{ user: 'eve', seconds: 1.5 }, /seconds must be integer/],
      [{ user: 'mona' }, /nobody can (ban|mute) themselves/],
    ]
    for (const list of ['kicks', 'bans', 'mutes']) {
      for (const [body, message] of list === 'kicks' ? wrong : [...wrong, ...longer]) {
        const answer = await as(mona, `POST /api/moderation/${list}`, body)
        t.match(answer, { status: 400, body: { code: 'bad-frame', message } }, JSON.stringify(body))
      }
    }
    for (const request of [
      'DELETE /api/moderation/bans/none',
      'DELETE /api/moderation/bans/0',
      'DELETE /api/moderation/bans/9007199254740992',
      'GET /api/moderation/bans?limit=501',
      'GET /api/moderation/bans?after=x',
      'GET /api/moderation/bans?room=a%00b',
      'GET /api/moderation/bans?user=a%00b',
      'GET /api/audit?limit=501',
      'GET /api/audit?before=0',
      'GET /api/audit?user=',
    ]) {
      t.match(await as(mona, request), { status: 400, body: { code: 'bad-frame' } }, request)
    }
    t.match(await as(mona, 'GET /api/audit?user=a%00b'), { status: 200, body: { entries: [] } })
  })

  await t.test('users of one address may do only so much, however many they are', async (t) => {
    const { as } = await buildApi(t, await make(t), { hourlyLimits: { rooms: 2, acts: 2 } })
    await as(mona, 'POST /api/rooms', { name: 'hers' })
    const guests = Array.from({ length: 5 }, (_, n) => ({ id: `guest-${n}`, name: `Guest ${n}` }))
    const statuses: number[] = []
    for (const guest of guests) {
      for (const n of [1, 2]) {
        const { status } = await as(guest, 'POST /api/rooms', { name: `${guest.id} ${n}` })
        statuses.push(status)
      }
    }
    t.same(statuses, [...Array(8).fill(201), 429, 429])
    t.match(await as(ada, 'POST /api/moderation/bans', { user: 'eve', room: 'hers' }), {
      status: 429,
      body: { code: 'rate-limited', message: /one address/ },
    })
    t.equal((await as(mona, 'POST /api/moderation/bans', { user: 'eve' })).status, 201)
  })
})

import { setTimeout as sleep } from 'node:timers/promises'
import { AuditReply, BansReply, MutesReply, RestrictionReply } from '@rabble/contract'
import Value from 'typebox/value'
import { trimAudit } from '../../src/audit.ts'
import type { PolicyChanges } from '../../src/client.ts'
import { forgetRooms } from '../../src/forgotten-rooms.ts'
import { changesSince, forgetPolicies, putPolicies } from '../../src/policies.ts'
import { expireRestrictions } from '../../src/restrictions.ts'
import { letRoomsAppear } from '../../src/room-rows.ts'
import { onBoth } from '../databases.ts'
import { ada, bob, buildApi, eve, mona, type RoomApi, seat } from '../room-api.ts'

const hour = 60 * 60 * 1000

/** A copy of the policies as a gateway keeps it. */
function createCopy({ client }: Pick<RoomApi, 'client'>) {
  const entries = new Map<string, object>()
  let version = 0
  return {
    entries,
    async follow(): Promise<PolicyChanges[]> {
      const pages: PolicyChanges[] = []
      for (;;) {
        const page = await client.policies(version)
        pages.push(page)
        if (page.reset) entries.clear()
        for (const { key, policy } of page.changes) {
          if (policy === null) entries.delete(key)
          else entries.set(key, policy)
        }
        version = page.version
        if (!page.more) return pages
      }
    },
  }
}

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
        body: { message: 'this is for moderators' },
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
      t.equal((await as(bob, `DELETE /api/moderation/${list}/${own.body.id}`)).status, 403)
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
    const here = { user: 'eve', room: 'hers', message: 'a moderator put this user out: enough' }
    t.match(kick, { type: 'kick', ...here })
    t.match(others, [{ type: 'policy' }])
    const everywhere = { user: 'eve', message: 'a moderator put this user out' }
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
    t.equal((await as(ada, `DELETE /api/moderation/bans/${own}`)).status, 403, 'nobody lifts their own ban')
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

  await t.test('what is over no longer holds, and is forgotten by and by', async (t) => {
    const database = await make(t)
    const api = await buildApi(t, database)
    const { as } = api
    const stale = createCopy(api)
    for (const user of ['a', 'b', 'c']) await as(mona, 'POST /api/moderation/bans', { user, seconds: 3600 })
    await as(mona, 'POST /api/moderation/mutes', { user: 'd' })
    await stale.follow()
    const current = createCopy(api)
    await current.follow()
    t.equal(current.entries.size, 4)
    t.equal(await expireRestrictions(database), 0)
    await database.query(
      "update rooms.restrictions set expires_at = now() - interval '1 second' where expires_at is not null",
      [],
    )
    t.same((await as(mona, 'GET /api/moderation/bans')).body, { bans: [], hasMore: false })
    t.equal(await expireRestrictions(database), 3)
    t.equal(await expireRestrictions(database), 0)
    const [{ changes, reset } = { changes: [], reset: true }] = await current.follow()
    t.same([changes.map(({ policy }) => policy), reset], [[null, null, null], false])
    t.same([...current.entries.values()], [{ kind: 'mute', user: 'd' }])

    t.equal(await forgetPolicies(database), 0)
    await database.query("update rooms.policies set changed_at = now() - interval '25 hours'", [])
    t.equal(await forgetPolicies(database), 3)
    t.equal(await forgetPolicies(database), 0)
    t.same(
      (await current.follow()).map(({ reset }) => reset),
      [false],
    )
    t.same(
      (await stale.follow()).map(({ reset }) => reset),
      [true],
    )
    t.same(stale.entries, current.entries)
  })

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
        await sleep(5)
      }
      await copy.follow()
    })()
    async function ban(user: string): Promise<void> {
      const { status } = await api.as(mona, 'POST /api/moderation/bans', { user })
      // On a busy machine not all are in time.
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
      await as(ada, 'PATCH /api/rooms/small', { capacity: null })
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
        await letRoomsAppear(api.database.query, ['plain'])
      }
      await as(mona, 'DELETE /api/rooms/plain')
      await as(ada, 'POST /api/rooms', { name: 'plain' })
      await copy.follow()
      t.same([...copy.entries], [])
      t.same((await as(mona, 'GET /api/moderation/bans')).body, { bans: [], hasMore: false })
    },
  )

  await t.test('everything that was done is in the audit, for moderators only', async (t) => {
    const { as, client, database } = await buildApi(t, await make(t))
    await as(ada, 'POST /api/rooms', { name: 'general', capacity: 5 })
    await as(ada, 'PATCH /api/rooms/general', { topic: 'new' })
    for (let twice = 0; twice < 2; twice++) await as(ada, 'PUT /api/rooms/general/invitations/bob')
    await as(ada, 'DELETE /api/rooms/general/invitations/bob')
    await as(ada, 'POST /api/moderation/kicks', { user: 'eve', room: 'general', reason: 'enough' })
    const { id: ban } = (await as(mona, 'POST /api/moderation/bans', { user: 'eve', seconds: 60 })).body
    await as(mona, `DELETE /api/moderation/bans/${ban}`)
    const { id: mute } = (await as(ada, 'POST /api/moderation/mutes', { user: 'eve', room: 'general' })).body
    await as(ada, `DELETE /api/moderation/mutes/${mute}`)
    await as(ada, 'DELETE /api/rooms/general')
    await as(eve, 'DELETE /api/rooms/general')
    await as(eve, 'POST /api/moderation/bans', { user: 'ada' })
    const refused = {
      actor: { id: '', name: 'a\0b\ud800' },
      action: 'login.refused',
      detail: { code: 'name-taken' },
    }
    const long = { actor: ada, action: 'publish', room: '*', detail: { text: 'x'.repeat(10_000) } }
    await client.audit([refused, long])

    const { status, body } = await as(mona, 'GET /api/audit')
    t.equal(status, 200)
    t.ok(Value.Check(AuditReply, body))
    if (!Value.Check(AuditReply, body)) return
    const general = { room: 'general' }
    t.match(body.entries.toReversed(), [
      { actor: ada, action: 'room.create', ...general, detail: { capacity: 5 } },
      { actor: ada, action: 'room.change', ...general, detail: { topic: 'new' } },
      { actor: ada, action: 'invite', ...general, user: 'bob' },
      { actor: ada, action: 'uninvite', ...general, user: 'bob' },
      { actor: ada, action: 'kick', ...general, user: 'eve', detail: { reason: 'enough' } },
      { actor: mona, action: 'ban', user: 'eve', detail: { id: ban, seconds: 60 } },
      { actor: mona, action: 'unban', user: 'eve', detail: { id: ban } },
      { actor: ada, action: 'mute', ...general, user: 'eve' },
      { actor: ada, action: 'unmute', ...general, user: 'eve' },
      { actor: ada, action: 'room.delete', ...general },
      { actor: { id: '', name: 'a\ufffdb\ufffd' }, action: 'login.refused', detail: { code: 'name-taken' } },
      { actor: ada, action: 'publish', room: '*', detail: { tooLong: 10_011 } },
    ])
    t.equal(body.entries.length, 12)

    const actions = async (query: string) => {
      const page = (await as(mona, `GET /api/audit?${query}`)).body
      return Value.Check(AuditReply, page) ? page.entries.map(({ action }) => action) : page
    }
    t.same(await actions('user=bob'), ['uninvite', 'invite'])
    t.same(await actions('actor=mona'), ['unban', 'ban'])
    t.same(await actions('room=*'), ['publish'])
    t.same(await actions('action=kick&room=general'), ['kick'])
    t.same(await actions('limit=2'), ['publish', 'login.refused'])
    t.same(await actions(`limit=1&before=${body.entries[1]?.id}`), ['room.delete'])
    t.equal((await as(mona, 'GET /api/audit?limit=11')).body.hasMore, true)
    t.equal((await as(ada, 'GET /api/audit')).status, 403)
    t.equal((await as(undefined, 'GET /api/audit')).status, 401)

    await database.query(
      "update rooms.audit set at = now() - interval '9 days' where action like 'room.%'",
      [],
    )
    t.equal(await trimAudit(database, 8), 3)
    t.same(await actions('room=general'), ['unmute', 'mute', 'kick', 'uninvite', 'invite'])
  })

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

  await t.test(
    'rooms that appeared by themselves go after a day without anybody, and no others',
    async (t) => {
      const database = await make(t)
      const { as } = await buildApi(t, database)
      const rooms = async () => {
        const rows = await database.query<{ name: string }>('select name from rooms.rooms order by name', [])
        return rows.map(({ name }) => name)
      }
      await letRoomsAppear(database.query, ['used', 'empty', 'changed', 'revived', 'later'])
      await as(ada, 'POST /api/rooms', { name: 'created' })
      await as(mona, 'PATCH /api/rooms/changed', { topic: 'kept' })
      await seat(database, 'used', 1)
      const dayLater = () =>
        database.query("update rooms.rooms set empty_since = empty_since - interval '25 hours'", [])

      t.equal(await forgetRooms(database, 2), 0)
      t.equal(await forgetRooms(database, 2), 0)
      await dayLater()
      await letRoomsAppear(database.query, ['revived'])
      await seat(database, 'later', 1)
      t.equal(await forgetRooms(database, 2), 1)
      t.same(await rooms(), ['changed', 'created', 'later', 'revived', 'used'])
      await database.query("delete from rooms.seats where room = 'later'", [])
      await database.query("update rooms.presence set users = 0 where room = 'later'", [])
      t.equal(await forgetRooms(database), 0)
      await dayLater()
      t.equal(await forgetRooms(database), 2)
      t.same(await rooms(), ['changed', 'created', 'used'])
    },
  )
})

import { RoomReply } from '@rabble/contract'
import { Value } from '@rabble/contract/typebox'
import { forgetRooms } from '../../src/rooms/forgotten-rooms.ts'
import { letRoomsAppear } from '../../src/rooms/room-rows.ts'
import { onBoth } from '../databases.ts'
import { ada, bob, buildApi, eve, mona, seat } from '../room-api.ts'

const longName = '𐐀'.repeat(64)

await onBoth(async (t, make) => {
  await t.test('a room that was created is there, with all that was said of it', async (t) => {
    const { as, database } = await buildApi(t, await make(t))
    const settings = {
      topic: 'Tea & <b>talk</b>',
      capacity: 3,
      access: 'invite',
      single: true,
      announce: true,
      retention: { days: 30, messages: 1000 },
    }
    const created = await as(ada, 'POST /api/rooms', { name: 'Teehaus', ...settings })
    t.equal(created.status, 201)
    t.match(created.body, { name: 'Teehaus', ...settings, count: 0, createdBy: 'ada' })
    t.ok(Value.Check(RoomReply, created.body))
    t.same((await as(ada, 'GET /api/rooms/Teehaus')).body, created.body)
    await seat(database, 'Teehaus', 2)
    t.equal((await as(ada, 'GET /api/rooms/Teehaus')).body.count, 2)

    const plain = await as(bob, 'POST /api/rooms', { name: longName })
    t.match(plain, { status: 201, body: { name: longName, topic: '', access: 'open', single: false } })
    t.notOk('capacity' in plain.body || 'retention' in plain.body)
    t.equal((await as(undefined, `GET /api/rooms/${encodeURIComponent(longName)}`)).status, 200)
  })

  await t.test('a room is created once, whoever tries and however many at once', async (t) => {
    const { as, database } = await buildApi(t, await make(t))
    const tries = await Promise.all(
      [ada, bob, eve, mona].map((user) => as(user, 'POST /api/rooms', { name: 'general' })),
    )
    t.same(tries.map(({ status }) => status).sort(), [201, 409, 409, 409])
    t.match(tries.find(({ status }) => status === 409)?.body, {
      statusCode: 409,
      code: 'room-exists',
      message: /already/,
    })
    await letRoomsAppear(database.query, ['lobby'], new Map())
    t.match(await as(ada, 'POST /api/rooms', { name: 'lobby' }), { status: 409 })
  })

  await t.test('only its creator and moderators change a room or delete it', async (t) => {
    const { as } = await buildApi(t, await make(t))
    await as(ada, 'POST /api/rooms', { name: 'general', topic: 'old', capacity: 5 })
    for (const request of ['PATCH', 'DELETE']) {
      t.match(await as(undefined, `${request} /api/rooms/general`, {}), { status: 401 })
      t.match(await as(bob, `${request} /api/rooms/general`, {}), {
        status: 403,
        body: { code: 'forbidden' },
      })
      t.match(await as(mona, `${request} /api/rooms/nowhere`, {}), { body: { code: 'room-not-found' } })
    }
    const changed = await as(ada, 'PATCH /api/rooms/general', { topic: 'new' })
    t.match(changed, { status: 200, body: { topic: 'new', capacity: 5, createdBy: 'ada' } })
    const more = { capacity: null, announce: true, retention: { messages: 7 } }
    t.match((await as(mona, 'PATCH /api/rooms/general', more)).body, { topic: 'new', announce: true })
    const { body } = await as(ada, 'PATCH /api/rooms/general', {})
    t.match(body, { createdBy: 'ada', retention: { messages: 7 } })
    t.notOk('capacity' in body)
    t.notOk('retention' in (await as(ada, 'PATCH /api/rooms/general', { retention: null })).body)
    t.equal((await as(ada, 'DELETE /api/rooms/general')).status, 204)
    t.match(await as(ada, 'GET /api/rooms/general'), { status: 404, body: { code: 'room-not-found' } })
  })

  await t.test('a name that may have messages is created anew by moderators only', async (t) => {
    const { as, client, database } = await buildApi(t, await make(t))
    const names = ['deleted', 'forgotten', 'unknown']
    await as(ada, 'POST /api/rooms', { name: 'deleted' })
    t.equal((await as(ada, 'DELETE /api/rooms/deleted')).status, 204)
    await letRoomsAppear(database.query, ['forgotten'], new Map())
    await database.query("update rooms.rooms set empty_since = now() - interval '2 days'", [])
    t.equal(await forgetRooms(database), 1)
    // Report of history, in two parts.
    await client.former({ after: '', through: 'm', names: ['deleted', 'forgotten'] })
    await client.former({ after: 'm', names: ['unknown'] })
    for (const name of names) {
      for (const user of [ada, bob]) {
        t.match(await as(user, 'POST /api/rooms', { name, retention: { messages: 1 } }), {
          status: 403,
          body: { code: 'forbidden', message: /only moderators/ },
        })
      }
      t.same(await client.retention(), new Map())
    }
    t.equal((await as(mona, 'POST /api/rooms', { name: 'unknown' })).status, 201)

    // History may lag, so a name without messages is not free at once.
    await client.former({ after: '', names: [] })
    t.equal((await as(bob, 'POST /api/rooms', { name: 'deleted' })).status, 403)
    await database.query("update rooms.former set since = now() - interval '2 hours'", [])
    await client.former({ after: '', through: 'e', names: [] })
    t.equal((await as(bob, 'POST /api/rooms', { name: 'deleted' })).status, 201)
    t.equal((await as(bob, 'POST /api/rooms', { name: 'forgotten' })).status, 403)
  })

  await t.test('a room that appeared by itself belongs to the moderator who first changes it', async (t) => {
    const { as, database } = await buildApi(t, await make(t))
    await letRoomsAppear(database.query, ['general', 'random'], new Map())
    const { body } = await as(undefined, 'GET /api/rooms/general')
    t.match(body, { name: 'general', access: 'open' })
    t.notOk('createdBy' in body)
    t.equal((await as(ada, 'PATCH /api/rooms/general', { topic: 'mine' })).status, 403)
    t.match(await as(mona, 'PATCH /api/rooms/general', { topic: 'ours' }), { body: { createdBy: 'mona' } })
  })

  await t.test('a request that breaks a rule is told which', async (t) => {
    const { as } = await buildApi(t, await make(t))
    await as(ada, 'POST /api/rooms', { name: 'general' })
    const settings: [object, RegExp][] = [
      [{ topic: 'x'.repeat(257) }, /topic must NOT have more than 256/],
      [{ topic: 'two\nlines' }, /topic must be one line/],
      [{ topic: 'nul\0' }, /topic must be one line/],
      [{ topic: '\ud800' }, /topic must be one line/],
      [{ capacity: 0 }, /capacity must be >= 1/],
      [{ capacity: 1.5 }, /capacity must be integer/],
      [{ capacity: 1_000_001 }, /capacity must be <= 1000000/],
      [{ capacity: 'many' }, /capacity must be integer/],
      [{ access: 'secret' }, /access must be equal to one of/],
      [{ single: 'perhaps' }, /single must be boolean/],
      [{ retention: { days: 0 } }, /days must be >= 1/],
      [{ retention: { messages: -1 } }, /messages must be >= 1/],
      [{ retention: 7 }, /retention must be object/],
    ]
    const names: [object, RegExp][] = [
      [{}, /required property 'name'/],
      [{ name: '' }, /name must NOT have fewer than 1/],
      ...[' general', 'a:b', '*', 'dm:ada:bob', 'x'.repeat(65), 'A\u030a', 'a\0b'].map(
        (name): [object, RegExp] => [{ name }, /a room name has 1 to 64/],
      ),
    ]
    for (const [body, message] of [
      ...names,
      ...settings.map(([rest, rule]): [object, RegExp] => [{ name: 'new', ...rest }, rule]),
    ]) {
      const answer = await as(ada, 'POST /api/rooms', body)
      t.match(
        answer,
        { status: 400, body: { statusCode: 400, code: 'bad-frame', message } },
        JSON.stringify(body),
      )
    }
    for (const [body, message] of settings) {
      const answer = await as(ada, 'PATCH /api/rooms/general', body)
      t.match(answer, { status: 400, body: { code: 'bad-frame', message } }, JSON.stringify(body))
    }
    for (const request of [
      'GET /api/rooms/%20x',
      'PATCH /api/rooms/a%00b',
      'DELETE /api/rooms/dm:ada:bob',
      'PUT /api/rooms/a:b/invitations/bob',
      'PUT /api/rooms/general/invitations/b%20b',
      'PUT /api/rooms/general/invitations/system',
      'GET /api/rooms?limit=0',
      'GET /api/rooms?limit=201',
      'GET /api/rooms?sort=best',
      'GET /api/rooms?q=a%00b',
      `GET /api/rooms?q=${'x'.repeat(65)}`,
      'GET /api/rooms?after=a%00b',
      'GET /api/rooms?after=general&sort=users',
      'GET /api/rooms?after=1:a%00b&sort=users',
      'GET /api/rooms?after=99999999999:general&sort=users',
    ]) {
      const answer = await as(mona, request, request.startsWith('PATCH') ? {} : undefined)
      t.match(answer, { status: 400, body: { code: 'bad-frame' } }, request)
    }
    t.match(await as(ada, 'POST /api/rooms', undefined, { 'content-type': 'application/json' }), {
      status: 400,
    })
  })

  await t.test(
    'where tokens are required, they are for lists too, and where moderators create rooms, only they do',
    async (t) => {
      const { as } = await buildApi(t, await make(t), { requireToken: true, roomCreation: 'moderators' })
      t.match(await as(ada, 'POST /api/rooms', { name: 'general' }), {
        status: 403,
        body: { code: 'forbidden' },
      })
      t.equal((await as(mona, 'POST /api/rooms', { name: 'general' })).status, 201)
      for (const path of ['/api/rooms', '/api/rooms/general']) {
        t.equal((await as(undefined, `GET ${path}`)).status, 401)
        t.equal((await as(ada, `GET ${path}`)).status, 200)
      }
    },
  )

  await t.test(
    'nobody but moderators makes more rooms an hour than the limit, nor does more of anything',
    async (t) => {
      const { as, database } = await buildApi(t, await make(t), { hourlyLimits: { rooms: 3, acts: 6 } })
      const create = async (user: typeof ada, name: string) =>
        (await as(user, 'POST /api/rooms', { name })).status
      const tries = await Promise.all(['1', '2', '3', '4', '5'].map((name) => create(ada, name)))
      t.same(tries.sort(), [201, 201, 201, 429, 429])
      const refused = await as(ada, 'POST /api/rooms', { name: 'one more' })
      t.match(refused, { body: { code: 'rate-limited', message: /no more than 3 new rooms an hour/ } })
      t.ok(Number(refused.headers['retry-after']) > 0)
      t.equal(await create(bob, 'another’s'), 400)
      t.equal(await create(bob, 'bobs'), 201)
      for (const name of ['a', 'b', 'c', 'd']) t.equal(await create(mona, name), 201)
      const [row] = await database.query<{ name: string }>(
        "select name from rooms.rooms where created_by = 'ada' limit 1",
        [],
      )
      const path = `PATCH /api/rooms/${row?.name}`
      for (let n = 0; n < 3; n++) t.equal((await as(ada, path, { topic: `topic ${n}` })).status, 200)
      t.match(await as(ada, path, { topic: 'more' }), { status: 429, body: { message: /no more than 6/ } })
      await database.query("update rooms.audit set at = at - interval '61 minutes'", [])
      t.equal((await as(ada, path, { topic: 'more' })).status, 200)
      t.equal(await create(ada, 'later'), 201)
    },
  )

  await t.test('from one address come only so many rooms an hour, however many users it has', async (t) => {
    const { as } = await buildApi(t, await make(t), { hourlyLimits: { rooms: 1, acts: 500 } })
    const create = (id: string, name: string) => as({ id, name: id }, 'POST /api/rooms', { name })
    for (let n = 0; n < 10; n++) t.equal((await create(`guest-${n}`, `room-${n}`)).status, 201)
    const refused = await create('guest-10', 'one more')
    t.match(refused, { status: 429, body: { code: 'rate-limited', message: /from one address/ } })
    t.ok(Number(refused.headers['retry-after']) > 0)
    t.equal((await as(mona, 'POST /api/rooms', { name: 'a moderator’s' })).status, 400)
    t.equal((await as(mona, 'POST /api/rooms', { name: 'of-a-moderator' })).status, 201)
    t.equal((await as(ada, 'GET /api/rooms')).status, 200)
  })

  await t.test('of changes that come at once none is lost', async (t) => {
    const { as } = await buildApi(t, await make(t))
    await as(ada, 'POST /api/rooms', { name: 'general' })
    const changes = [
      { topic: 'new' },
      { capacity: 7 },
      { announce: true },
      { single: true },
      { access: 'invite' },
    ]
    await Promise.all(changes.map((change) => as(ada, 'PATCH /api/rooms/general', change)))
    t.match((await as(ada, 'GET /api/rooms/general')).body, Object.assign({}, ...changes))
  })

  await t.test('a page of another origin can’t act for who is signed in with the cookie', async (t) => {
    const { as, tokenOf } = await buildApi(t, await make(t), {
      allowedOrigins: new Set(['https://chat.example']),
    })
    const from = async (origin: string) => ({ cookie: `rabble_session=${await tokenOf(ada)}`, origin })
    const create = async (name: string, origin: string) =>
      as(undefined, 'POST /api/rooms', { name }, await from(origin))
    t.match(await create('stolen', 'https://evil.example'), { status: 403, body: { code: 'forbidden' } })
    t.match(await create('own', 'https://chat.example'), { status: 201, body: { createdBy: 'ada' } })
    t.equal((await as(undefined, 'DELETE /api/rooms/own', undefined, await from('null'))).status, 403)
  })

  await t.test('until the tables are there, everything is answered with unavailable', async (t) => {
    const { as, client } = await buildApi(t, await make(t), { migrated: () => false })
    for (const request of [
      'GET /api/rooms',
      'GET /api/rooms/general',
      'POST /api/rooms',
      'DELETE /api/rooms/general',
      'POST /api/moderation/bans',
      'GET /api/moderation/bans',
      'GET /api/audit',
    ]) {
      const body = request.startsWith('POST') ? { name: 'general', user: 'eve' } : undefined
      const answer = await as(mona, request, body)
      t.match(
        answer,
        { status: 503, body: { code: 'unavailable' }, headers: { 'retry-after': '2' } },
        request,
      )
    }
    await t.rejects(client.policies(0), /503/)
    await t.rejects(client.retention(), /503/)
    await t.rejects(client.audit([]), /503/)
  })
})

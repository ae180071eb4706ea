import { createManualClock } from '@rabble/clock/manual'
import type { Signal } from '@rabble/contract'
import { assertNothingLeft } from '@rabble/harness'
import t, { type Test } from 'tap'
import { type MakeDatabase, onBoth } from '../databases.ts'
import { asking, buildSessions, given, internalTokens } from '../session-api.ts'

assertNothingLeft(t)

const origin = 'https://chat.example'

async function build(t: Test, make: MakeDatabase, options: Parameters<typeof buildSessions>[2] = {}) {
  const database = await make(t)
  const api = await buildSessions(t, database, { loginsPerMinute: 1000, ...options })
  return { ...api, database, ask: asking(api) }
}

await onBoth(async (t, make) => {
  t.test('a guest signs in with a name, and comes back with the cookie or the token', async (t) => {
    // A whole second, since the cookie and the token give their end in seconds.
    const clock = createManualClock(1_900_000_000_000)
    const { ask, tokens } = await build(t, make, { clock })
    const first = await ask('POST', { name: ' Ada ' })
    t.equal(first.status, 201)
    t.match(first.body, {
      user: { id: /^guest-[\w-]{16}$/, name: 'Ada' },
      guest: true,
      roles: [],
      token: String,
      expiresAt: clock.now() + 86_400_000,
    })
    t.match(first.setCookie, /^rabble_session=[\w.-]+; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax$/)
    t.equal(first.headers['cache-control'], 'no-store')
    const token = String(first.body.token)
    t.equal(first.cookie, token)
    t.match(await tokens.verify(token), { user: first.body.user, guest: true })

    const who = await ask('GET', undefined, { cookie: `rabble_session=${token}` })
    t.match(who, { status: 200, body: { user: first.body.user, guest: true } })
    t.notOk('token' in who.body)
    t.equal((await ask('GET')).status, 401)

    const again = await ask('POST', { name: 'Ada' }, { cookie: `rabble_session=${token}`, origin })
    t.match(again, { status: 201, body: { user: first.body.user } })
    const program = await ask('POST', { name: 'Ada' }, { authorization: `Bearer ${token}` })
    t.match(program, { status: 201, body: { user: first.body.user } })
  })

  t.test('a name is one’s own until one gives it up, or takes another one', async (t) => {
    const { ask, client, claim } = await build(t, make)
    const ada = await ask('POST', { name: 'Ada' })
    const id = (ada.body.user as { id: string }).id
    const mine = { cookie: `rabble_session=${ada.body.token}`, origin }
    t.match(await ask('POST', { name: 'аda' }), {
      status: 409,
      body: { code: 'name-taken' },
      cookie: undefined,
    })
    await client.renew('g1', { fresh: true })
    t.match(await claim('g1', 'ADA'), { refused: 'name-taken', retryAfter: undefined })

    t.same(given(await claim('g1', 'Ada', id)), ada.body.user)
    await client.names('g1', { claim: [], release: [id] })
    t.equal((await ask('POST', { name: 'Ada' })).status, 409, 'also after the gateway has let it go')

    const eve = await ask('POST', { name: 'Eve' }, mine)
    t.match(eve, { status: 201, body: { user: { id, name: 'Eve' } } })
    t.match(await claim('g1', 'Ada', id), { refused: 'name-taken' }, 'the old token has lost its name')
    t.equal((await ask('POST', { name: 'Ada' })).status, 201)

    given(await claim('g1', 'Eve', id))
    const left = await ask('DELETE', undefined, mine)
    t.match(left, { status: 204, cookie: '', setCookie: /Max-Age=0/ })
    t.equal((await ask('POST', { name: 'Eve' })).status, 409, 'she is still there')
    await client.names('g1', { claim: [], release: [id] })
    t.equal((await ask('POST', { name: 'Eve' })).status, 201)
    t.equal((await ask('DELETE')).status, 204, 'who has no session has none afterwards either')
  })

  t.test('a name is not free while who has taken another one may still be called so', async (t) => {
    const { ask, client, claim } = await build(t, make)
    for (const gateway of ['g1', 'g2']) await client.renew(gateway, { fresh: true })
    const mallory = given(await claim('g1', 'Ada'))
    const token = (await client.names('g1', { claim: [{ name: 'Ada', user: mallory.id }], release: [] }))?.[0]
    const mine = { authorization: `Bearer ${(token as { token: string }).token}` }
    for (const name of ['X', 'Y']) t.equal((await ask('POST', { name }, mine)).status, 201)
    for (const name of ['Ada', 'аDA', 'X', 'Y']) {
      t.match(await ask('POST', { name }), { status: 409, body: { code: 'name-taken' } }, name)
    }
    t.match(await claim('g2', 'Ada'), { refused: 'name-taken', retryAfter: 15_000 })
    t.match(await claim('g2', 'Ada', mallory.id), { refused: 'name-taken' }, 'nor does she come back as Ada')
    given(await claim('g2', 'Y', mallory.id))
    await client.names('g1', { claim: [], release: [mallory.id] })
    t.match(await claim('g1', 'Ada'), { refused: 'name-taken' }, 'she is there through another gateway')
    await client.names('g2', { claim: [], release: [mallory.id] })
    given(await claim('g1', 'Ada'))
    t.equal((await ask('POST', { name: 'X' })).status, 201)
    t.equal((await ask('POST', { name: 'Y' })).status, 409, 'the present one is kept')
  })

  t.test('a name that nobody is there with is free after ten minutes', async (t) => {
    const { ask, client, claim, database } = await build(t, make)
    const later = (minutes: number) =>
      database.query("update rooms.names set expires_at = expires_at - $1::int * interval '1 minute'", [
        minutes,
      ])
    await client.renew('g1', { fresh: true })
    const ada = await ask('POST', { name: 'Ada' })
    const id = (ada.body.user as { id: string }).id
    await later(9)
    t.match(await claim('g1', 'Ada'), { refused: 'name-taken' })
    given(await claim('g1', 'Ada', id))
    await later(60)
    t.match(await claim('g1', 'Ada'), { refused: 'name-taken' }, 'for as long as she is there')
    await client.names('g1', { claim: [], release: [id] })
    await later(9)
    t.match(await claim('g1', 'Ada'), { refused: 'name-taken' }, 'for a while after she has left')
    await later(2)
    given(await claim('g1', 'Ada'))
    await ask('POST', { name: 'Eve' })
    await later(11)
    given(await claim('g1', 'Eve'))
  })

  t.test('what is no name is refused', async (t) => {
    const { ask } = await build(t, make)
    for (const name of ['', ' ', 'System', 'x'.repeat(65), 'A\u0000', '\u3164', { a: 1 }, null]) {
      t.match(await ask('POST', { name }), { status: 400, body: { code: 'bad-frame' } }, JSON.stringify(name))
    }
    t.equal((await ask('POST', {})).status, 400)
    t.match(await ask('POST', { name: 'Ѕystem' }), { status: 409, body: { code: 'name-taken' } })
  })

  t.test('pages of other origins can neither sign anybody in nor out, nor rename', async (t) => {
    const { ask } = await build(t, make, { allowedOrigins: new Set(['https://pages.example']) })
    const ada = await ask('POST', { name: 'Ada' }, { origin: 'https://pages.example' })
    t.equal(ada.status, 201)
    const cookie = `rabble_session=${ada.body.token}`
    for (const evil of ['https://evil.example', 'null']) {
      t.match(await ask('POST', { name: 'Eve' }, { origin: evil }), { status: 403, cookie: undefined })
      t.equal((await ask('POST', { name: 'Eve' }, { origin: evil, cookie })).status, 403)
      t.match(await ask('DELETE', undefined, { origin: evil, cookie }), { status: 403, cookie: undefined })
    }
    t.equal((await ask('POST', { name: 'Eve' }, { cookie })).status, 403, 'browsers always tell the origin')
    t.match(await ask('GET', undefined, { cookie }), { body: { user: { name: 'Ada' } } })
  })

  t.test('who has a token of an account keeps it in the cookie', async (t) => {
    for (const guests of [true, false]) {
      const clock = createManualClock(1_900_000_000_000)
      const { ask, tokens } = await build(t, make, { clock, guests })
      const mona = { id: 'mona', name: 'Mona' }
      const token = await tokens.sign(mona, 600, ['moderator'])
      const session = await ask('POST', {}, { authorization: `Bearer ${token}` })
      t.match(session, {
        status: 201,
        cookie: token,
        body: { token, user: mona, roles: ['moderator'], guest: false },
      })
      t.match(session.setCookie, /Max-Age=600;/)
      const cookie = `rabble_session=${session.cookie}`
      t.match(await ask('GET', undefined, { cookie }), { body: { user: mona, roles: ['moderator'] } })
    }
  })

  t.test('who signs in with an account has the name for as long as the token lives', async (t) => {
    const signals: Signal[] = []
    const log = {
      partitions: 1,
      publish: async () => {},
      signal: (signal: Signal) => void signals.push(signal),
    }
    const { ask, tokens } = await build(t, make, { log })
    const guest = await ask('POST', { name: 'mona' })
    const token = await tokens.sign({ id: 'mona', name: 'Mona' }, 600)
    t.equal((await ask('POST', {}, { authorization: `Bearer ${token}` })).status, 201)
    t.match(signals, [{ type: 'kick', user: (guest.body.user as { id: string }).id }])
    t.equal((await ask('POST', { name: 'mona' })).status, 409)
    const mine = { authorization: `Bearer ${guest.body.token}` }
    t.equal((await ask('POST', { name: 'Mona' }, mine)).status, 409)
    t.equal((await ask('POST', { name: 'Eve' }, mine)).status, 201)
    t.equal((await ask('DELETE', undefined, { authorization: `Bearer ${token}` })).status, 204)
    t.equal((await ask('POST', { name: 'mona' })).status, 409, 'the token is as good as before')
  })

  t.test('where guests are not welcome, a name is not enough, and neither is a guest’s token', async (t) => {
    const { ask, client } = await build(t, make, { guests: false })
    t.match(await ask('POST', { name: 'Ada' }), { status: 403, body: { code: 'forbidden' } })
    const welcoming = await build(t, make)
    const token = await welcoming.tokens.signGuest({ id: 'guest-x', name: 'Ada' }, 60)
    t.equal((await ask('GET', undefined, { authorization: `Bearer ${token}` })).status, 401)
    await client.renew('g1', { fresh: true })
    await t.rejects(client.names('g1', { claim: [{ name: 'Ada' }], release: [] }), /403/)
  })

  t.test('services are no users, and users no services', async (t) => {
    const { ask, app, tokens } = await build(t, make)
    const internal = await internalTokens.sign({ caller: 'gateway' })
    t.equal((await ask('GET', undefined, { authorization: `Bearer ${internal}` })).status, 401)
    const token = await tokens.sign({ id: 'ada', name: 'Ada' }, 60, ['moderator', 'service'])
    for (const headers of [{}, { authorization: `Bearer ${token}` }, { cookie: `rabble_session=${token}` }]) {
      const reply = await app.inject({
        method: 'POST',
        url: '/internal/gateways/g1/names',
        headers,
        payload: { claim: [], release: [] },
      })
      t.equal(reply.statusCode, 401)
    }
  })

  t.test('an address may try so often in a minute, and can’t pretend to be others', async (t) => {
    const { ask } = await build(t, make, { loginsPerMinute: 3, trustedProxies: '10.0.0.0/8' })
    const tries = async (address: string, forwarded: (index: number) => string) => {
      const found: number[] = []
      for (let index = 0; index < 5; index++) {
        const headers = { 'x-forwarded-for': forwarded(index) }
        const { status, body, headers: answered } = await ask('POST', { name: 'System' }, headers, address)
        if (status === 429) {
          t.equal(body.code, 'rate-limited')
          t.ok(Number(answered['retry-after']) > 0)
        }
        found.push(status)
      }
      return found
    }
    t.strictSame(await tries('192.0.2.7', (index) => `198.51.100.${index}`), [400, 400, 400, 429, 429])
    t.strictSame(await tries('192.0.2.8', () => '198.51.100.9'), [400, 400, 400, 429, 429])
    t.strictSame(await tries('10.0.0.1', (index) => `198.51.100.${index}`), [400, 400, 400, 400, 400])
    t.strictSame(
      await tries('10.0.0.1', (index) => `203.0.113.${index}, 198.51.100.99`),
      [400, 400, 400, 429, 429],
    )
    t.strictSame(await tries('2001:db8:1:2::1', () => ''), [400, 400, 400, 429, 429])
    t.equal((await ask('POST', { name: 'System' }, {}, '2001:db8:1:2:3::4')).status, 429)
    t.equal((await ask('POST', { name: 'System' }, {}, '2001:db8:1:3::1')).status, 400)
    t.equal((await ask('GET', undefined, {}, '192.0.2.7')).status, 401, 'asking who one is costs nothing')
  })

  t.test('a browser that came over TLS gets a cookie for TLS only, which signs it in', async (t) => {
    const { ask } = await build(t, make, { trustedProxies: '10.0.0.1' })
    const secure = { 'x-forwarded-proto': 'https' }
    const { setCookie } = await ask('POST', { name: 'Ada' }, secure, '10.0.0.1')
    t.match(setCookie, /^__Host-rabble_session=[^;]+; Path=\/; .*; Secure$/)
    const cookie = setCookie.split(';', 1)[0] ?? ''
    t.match(await ask('GET', undefined, { ...secure, cookie }, '10.0.0.1'), {
      body: { user: { name: 'Ada' } },
    })
    const planted = cookie.replace('__Host-', '')
    t.equal((await ask('GET', undefined, { ...secure, cookie: planted }, '10.0.0.1')).status, 401)
    const gone = { ...secure, cookie, origin: 'https://chat.example' }
    t.match(
      (await ask('DELETE', undefined, gone, '10.0.0.1')).setCookie,
      /^__Host-rabble_session=; Path=\/; Max-Age=0;/,
    )
    t.notMatch((await ask('POST', { name: 'Bob' }, secure, '192.0.2.1')).setCookie, /Secure/)
  })
})

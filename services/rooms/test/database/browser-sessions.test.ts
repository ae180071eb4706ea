import { createManualClock } from '@rabble/clock/manual'
import type { Signal } from '@rabble/contract'
import { assertNothingLeft } from '@rabble/harness'
import t, { type Test } from 'tap'
import { forgetNames } from '../../src/names/names.ts'
import { forgetSessions, trimGuests } from '../../src/sessions/sessions.ts'
import { type MakeDatabase, onBoth } from '../databases.ts'
import { asking, buildSessions, given, type SessionAnswer } from '../session-api.ts'

assertNothingLeft(t)

const origin = 'https://chat.example'

async function build(t: Test, make: MakeDatabase, options: Parameters<typeof buildSessions>[2] = {}) {
  const database = await make(t)
  const signals: Signal[] = []
  const log = {
    partitions: 1,
    publish: async () => {},
    signal: (signal: Signal) => void signals.push(signal),
  }
  const api = await buildSessions(t, database, { loginsPerMinute: 1000, log, ...options })
  const ask = asking(api)
  return {
    ...api,
    database,
    signals,
    ask,
    /** Makes a request of the page in a browser with this cookie, and returns the answer with the cookie of later requests. */
    async page(method: 'POST' | 'DELETE', body?: object, cookie?: string, address?: string) {
      const headers = { origin, ...(cookie !== undefined && { cookie }) }
      const answer = await ask(method, body && { keep: true, ...body }, headers, address)
      return { ...answer, cookie: /rabble_login=[^;,]+/.exec(answer.setCookie)?.[0] ?? cookie }
    },
    /** Lets this number of days pass for what the database keeps. */
    async pass(days: number) {
      for (const column of ['used_at', 'expires_at', 'ends_at']) {
        await database.query(`update rooms.sessions set ${column} = ${column} - $1 * interval '1 day'`, [
          days,
        ])
      }
      for (const column of ['expires_at', 'reserved_until']) {
        await database.query(`update rooms.names set ${column} = ${column} - $1 * interval '1 day'`, [days])
      }
    },
  }
}

function idOf({ body }: Pick<SessionAnswer, 'body'>): string {
  return (body.user as { id: string }).id
}

await onBoth(async (t, make) => {
  t.test(
    'a guest whose browser keeps a session is the same user in each tab, 30 days later too',
    async (t) => {
      const { page, pass, tokens, database } = await build(t, make)
      const first = await page('POST', { name: 'Ada' })
      t.match(first, { status: 201, body: { user: { name: 'Ada' }, guest: true, token: String } })
      t.match(
        first.setCookie,
        /^rabble_login=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/,
        'no cookie with a token, which other requests would use',
      )
      t.match(await tokens.verify(String(first.body.token)), { user: first.body.user, session: String })
      const [row] = await database.query<{ id: string }>('select id from rooms.sessions', [])
      t.notOk(first.cookie?.includes(row?.id ?? ''), 'the database does not hold what the cookie holds')
      for (let month = 0; month < 3; month++) {
        await pass(29)
        await forgetSessions(database)
        await forgetNames(database)
        t.match(await page('POST', {}, first.cookie), { status: 201, body: { user: first.body.user } })
        t.match(await page('POST', { name: 'Ada' }), { status: 409, body: { code: 'name-taken' } })
      }
      await pass(31)
      t.equal((await page('POST', {}, first.cookie)).status, 401)
      await forgetSessions(database)
      t.same(await database.query('select from rooms.sessions', []), [])
      t.equal((await page('POST', { name: 'ADA' })).status, 201, 'the name is free')
    },
  )

  t.test('the name stays reserved when the guest has left all gateways', async (t) => {
    const { page, pass, claim, client } = await build(t, make)
    const ada = await page('POST', { name: 'Ada' })
    await client.renew('g1', { fresh: true })
    given(await claim('g1', 'Ada', idOf(ada)))
    await client.names('g1', { claim: [], release: [idOf(ada)] })
    await pass(29)
    t.match(await claim('g1', 'Ada'), { refused: 'name-taken' })
    const eve = await page('POST', { name: 'Eve' }, ada.cookie)
    t.match(
      eve,
      { status: 201, body: { user: { id: idOf(ada), name: 'Eve' } } },
      'who is renamed is the same',
    )
    t.match(await page('POST', {}, ada.cookie), { body: { user: { name: 'Eve' } } })
    given(await claim('g1', 'Ada'))
  })

  t.test('signing out ends the cookie and all tokens of the session, and frees the name', async (t) => {
    const { page, ask, signals, client } = await build(t, make)
    const ada = await page('POST', { name: 'Ada' })
    const bearer = { authorization: `Bearer ${ada.body.token}` }
    t.match(await ask('GET', undefined, bearer), { status: 200, body: { user: ada.body.user } })
    const out = await page('DELETE', undefined, ada.cookie)
    t.match(out, { status: 204, setCookie: /rabble_login=; Path=\/; Max-Age=0/ })
    t.equal((await page('POST', {}, ada.cookie)).status, 401, 'a stolen cookie is worth nothing')
    t.equal((await ask('GET', undefined, bearer)).status, 401, 'nor is a token')
    t.equal((await page('POST', { name: 'Ada' })).status, 201)
    const { changes, version } = await client.policies(0)
    t.match(
      changes.map(({ policy }) => policy),
      [{ kind: 'session', user: idOf(ada), session: String, expiresAt: Number }],
    )
    t.same(signals, [{ type: 'policy', version }])
    t.equal((await page('DELETE', undefined, ada.cookie)).status, 204, 'twice is no error')
  })

  t.test('a token of a session signs it out, and gets no token that outlives the session', async (t) => {
    const clock = createManualClock(1_900_000_000_000)
    const { page, ask } = await build(t, make, { clock })
    const ada = await page('POST', { name: 'Ada' })
    t.equal(ada.body.expiresAt, clock.now() + 12 * 3_600_000)
    const bearer = { authorization: `Bearer ${ada.body.token}` }
    for (const body of [{ name: 'Ada' }, {}]) {
      t.match(await ask('POST', body, bearer), { status: 201, body: { token: ada.body.token } })
    }
    t.equal((await ask('DELETE', undefined, bearer)).status, 204)
    t.equal((await page('POST', {}, ada.cookie)).status, 401)
    t.equal((await ask('POST', { name: 'Ada' }, bearer)).status, 401)
  })

  t.test('only a page of the server’s own origin can use the cookie', async (t) => {
    const pages = 'https://pages.example'
    const { page, ask } = await build(t, make, { allowedOrigins: new Set([pages]) })
    const ada = await page('POST', { name: 'Ada' })
    const cookie = ada.cookie ?? ''
    t.equal((await ask('POST', { keep: true }, { cookie, origin: 'https://evil.example' })).status, 403)
    const elsewhere: Record<string, string>[] = [{ cookie }, { cookie, origin: pages }]
    for (const headers of elsewhere) {
      t.equal((await ask('POST', { keep: true }, headers)).status, 401)
      await ask('DELETE', undefined, headers)
    }
    t.equal((await ask('GET', undefined, { cookie, origin })).status, 401, 'it is no token')
    t.equal((await page('POST', {}, cookie)).status, 201, 'and nobody has signed Ada out')
  })

  t.test('one address keeps so many guests, of whom the one away for longest goes first', async (t) => {
    const { page, pass, database } = await build(t, make, { guestsPerAddress: 2 })
    const [ada, bob] = [await page('POST', { name: 'Ada' }), await page('POST', { name: 'Bob' })]
    const far = await page('POST', { name: 'Far' }, undefined, '198.51.100.1')
    await pass(1)
    await page('POST', {}, ada.cookie)
    await page('POST', { name: 'Cleo' })
    t.equal((await page('POST', {}, bob.cookie)).status, 401)
    for (const { cookie } of [ada, far]) t.equal((await page('POST', {}, cookie)).status, 201)
    t.equal((await page('POST', { name: 'Bob' }, undefined, '198.51.100.1')).status, 201, 'the name is free')
    await pass(1)
    await page('POST', {}, ada.cookie)
    t.equal(await trimGuests(database, 1), 3)
    t.equal((await page('POST', {}, far.cookie)).status, 401)
    t.equal((await page('POST', {}, ada.cookie)).status, 201)
  })

  t.test('what is no name begins no session, and an account takes the name of one', async (t) => {
    const { page, pass, ask, tokens, database } = await build(t, make)
    for (const name of [' ', 'System', 'x'.repeat(65)]) {
      t.match(await page('POST', { name }), { status: 400, body: { code: 'bad-frame' } }, name)
    }
    t.same(await database.query('select from rooms.sessions', []), [])
    const guest = await page('POST', { name: 'Mona' })
    const token = await tokens.sign({ id: 'mona', name: 'Mona' }, 200_000)
    const account = await ask('POST', { keep: true }, { authorization: `Bearer ${token}` })
    t.match(
      account,
      { status: 201, body: { token, guest: false } },
      'an account of an application is no guest',
    )
    await pass(1)
    t.match(await page('POST', {}, guest.cookie), { status: 409, body: { code: 'name-taken' } })
    t.match(await page('POST', { name: 'Moni' }, guest.cookie), {
      body: { user: { id: idOf(guest), name: 'Moni' } },
    })
  })

  t.test('where guests may not enter, no session of a guest begins or goes on', async (t) => {
    const { page, database } = await build(t, make)
    const ada = await page('POST', { name: 'Ada' })
    const closed = await buildSessions(t, database, { guests: false })
    const ask = asking(closed)
    t.equal((await ask('POST', { keep: true, name: 'Eve' }, { origin })).status, 403)
    t.equal((await ask('POST', { keep: true }, { origin, cookie: ada.cookie ?? '' })).status, 403)
  })
})

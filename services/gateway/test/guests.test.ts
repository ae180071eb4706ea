import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { WebSocket } from 'ws'
import { secret } from './build.ts'
import { buildWithRooms } from './rooms-build.ts'
import { pass, passing } from './time.ts'

/** Fields of a `welcome` frame. */
interface Welcome {
  user: { id: string; name: string }
  token: string
  expiresIn?: number
}

t.test('a name belongs to one guest, who comes back with a token, to any gateway', async (t) => {
  const { a, b, rooms } = await buildWithRooms(t, 2)
  const ada = await connectChat(t, a.ws, { hello: false })
  const { token, user } = (await ada.request({ type: 'hello', name: ' Ada ' })) as Welcome
  t.match(await a.tokens.verify(token), { user, guest: true, roles: [] })
  t.match(user, { name: 'Ada' })
  const stranger = await connectChat(t, b.ws, { hello: false })
  const taken = { code: 'name-taken', retryAfter: 30_000 }
  await t.rejects(stranger.request({ type: 'hello', name: 'ada' }), taken)
  const again = await connectChat(t, b.ws, { token })
  t.same(again.user, user)
  t.match(again.frames[0], { token: /./ }, 'with a new token')
  await ada.close()
  await t.rejects(stranger.request({ type: 'hello', name: 'ada' }), taken, 'it is with the other gateway now')
  await again.close()
  await until(() => rooms.held.size === 0, 60_000, 'a name that was given up to be free at once')
  t.match(await stranger.request({ type: 'hello', name: 'ada' }), { user: { name: 'ada' } })
  t.not(stranger.user?.id, user.id)
})

t.test('an address brings only so many new guests a minute; who has a token comes back', async (t) => {
  const clock = createManualClock()
  const { a } = await buildWithRooms(t, 1, { clock, loginsPerMinute: 2 })
  const hello = async (frame: { name: string } | { token: string }) =>
    (await connectChat(t, a.ws, { hello: false })).request({ type: 'hello', ...frame })
  const { token } = (await hello({ name: 'Ada' })) as Welcome
  await t.rejects(hello({ name: 'Ada' }), { code: 'name-taken' })
  await t.rejects(hello({ name: 'Bob' }), { code: 'rate-limited', retryAfter: 30_000 })
  t.match(await hello({ token }), { user: { name: 'Ada' } })
  await pass(
    clock,
    10_000,
    async () => {
      const bob = await hello({ name: 'Bob' }).catch((error: { code: string }) => error)
      return 'user' in bob
    },
    'the time to pass',
  )
})

t.test('who vanishes keeps the name for a while, and a token of one who has it is refused', async (t) => {
  const { a, rooms } = await buildWithRooms(t)
  const ada = await connectChat(t, a.ws, { hello: false })
  const { token, user } = (await ada.request({ type: 'hello', name: 'Ada' })) as Welcome
  const cut = new WebSocket(a.ws)
  t.teardown(() => cut.terminate())
  const welcomed = new Promise((resolve) => cut.once('message', resolve))
  cut.once('open', () => cut.send(JSON.stringify({ type: 'hello', token })))
  await welcomed
  await ada.close()
  // Of two sessions that end, the last one decides.
  await until(async () => (await a.metric('rabble_gateway_connections')) === 1, 60_000, 'one to be gone')
  cut.terminate()
  await until(async () => (await a.metric('rabble_gateway_connections')) === 0, 60_000, 'them to be gone')
  t.equal(rooms.held.get('ada'), user.id)
  const eve = await connectChat(t, a.ws, { hello: false })
  await t.rejects(eve.request({ type: 'hello', name: 'Ada' }), { code: 'name-taken' })
  const elses = await a.tokens.signGuest({ id: 'guest-other', name: 'Ada' }, 600)
  await t.rejects(eve.request({ type: 'hello', token: elses }), { code: 'name-taken' })
  const forged = await createTokens(`${secret}!`).signGuest(user, 600)
  await t.rejects(eve.request({ type: 'hello', token: forged }), { code: 'unauthorized' })
  await t.rejects(eve.request({ type: 'hello', token: await a.tokens.signGuest(user, -1) }), {
    code: 'unauthorized',
  })
  t.match(await eve.request({ type: 'hello', token }), { user })
  await until(() => rooms.audited.length === 4, 60_000, 'what was refused to be told')
  t.same(
    rooms.audited.map(({ action, detail }) => [action, detail?.code]),
    ['name-taken', 'name-taken', 'unauthorized', 'unauthorized'].map((code) => ['login.refused', code]),
  )
})

t.test(
  'while the service is down a token is enough, a name is not; then the name is held again',
  async (t) => {
    const clock = createManualClock()
    const { a, rooms } = await buildWithRooms(t, 1, { clock })
    const first = await connectChat(t, a.ws, { hello: false })
    const { token, user } = (await first.request({ type: 'hello', name: 'Ada' })) as Welcome
    await first.close()
    await until(() => rooms.held.size === 0, 60_000, 'the name to be free')
    rooms.down = true
    await pass(clock, 500, async () => (await a.metric('rabble_gateway_rooms_up')) === 0, 'it to be noticed')
    const bob = await connectChat(t, a.ws, { hello: false })
    await t.rejects(bob.request({ type: 'hello', name: 'Bob' }), { code: 'unavailable' })
    const ada = await connectChat(t, a.ws, { token })
    t.same(ada.user, user)
    await ada.join('general')
    rooms.down = false
    await pass(clock, 500, () => rooms.held.get('ada') === user.id, 'the name to be claimed')
    await t.rejects(bob.request({ type: 'hello', name: 'ada' }), { code: 'name-taken' })
    await bob.request({ type: 'hello', name: 'Bob' })
  },
)

t.test('after a lease that ended names are claimed again; who has lost the name is told', async (t) => {
  const clock = createManualClock()
  const { a, b, rooms } = await buildWithRooms(t, 2, { clock })
  const ada = await connectChat(t, a.ws, { name: 'Ada' })
  const bob = await connectChat(t, a.ws, { name: 'Bob' })
  await until(() => rooms.held.size === 2, 60_000, 'the names')
  const eve = await connectChat(t, b.ws, { hello: false })
  // This happens before Ada's gateway notices.
  const answer = rooms.hold('renew')
  rooms.expire(a.gateway.id)
  await eve.request({ type: 'hello', name: 'Ada' })
  answer()
  t.match(await passing(clock, 500, ada.closed), { code: 1008, reason: 'somebody else has this name' })
  await pass(clock, 500, () => rooms.held.get('bob') === bob.user?.id, 'the other name')
})

t.test('an account has its name where guests may enter too, and a guest who has it must go', async (t) => {
  const clock = createManualClock()
  const { a, b, rooms } = await buildWithRooms(t, 2, { clock })
  const guest = await connectChat(t, a.ws, { hello: false })
  const { token } = (await guest.request({ type: 'hello', name: 'mona' })) as Welcome
  const account = await b.tokens.sign({ id: 'mona', name: 'Mona' }, 600, ['moderator'])
  const mona = await connectChat(t, b.ws, { token: account })
  t.match(mona.frames[0], { user: { id: 'mona', name: 'Mona' }, token: undefined })
  t.match(await guest.closed, { code: 1008, reason: 'this name belongs to an account' })
  const stranger = await connectChat(t, a.ws, { hello: false })
  await t.rejects(stranger.request({ type: 'hello', name: 'Mona' }), { code: 'name-taken' })
  await t.rejects(stranger.request({ type: 'hello', token }), { code: 'name-taken' })
  await mona.close()
  await until(async () => (await b.metric('rabble_gateway_names')) === 0, 60_000, 'her to be gone')
  await t.rejects(stranger.request({ type: 'hello', name: 'Mona' }), { code: 'name-taken' }, 'also then')

  rooms.down = true
  await pass(clock, 500, async () => (await a.metric('rabble_gateway_rooms_up')) === 0, 'a to notice')
  const ada = await connectChat(t, a.ws, { token: await a.tokens.sign({ id: 'ada', name: 'Ada' }, 600) })
  await ada.join('general')
  rooms.down = false
  await pass(clock, 500, () => rooms.held.has('ada'), 'the name to be claimed')
  await t.rejects(stranger.request({ type: 'hello', name: 'Ada' }), { code: 'name-taken' })
})

t.test('where no guest may enter, no name is held', async (t) => {
  const { a, rooms } = await buildWithRooms(t, 1, { auth: 'jwt' })
  for (const id of ['ada', 'bob']) {
    const ada = await connectChat(t, a.ws, { token: await a.tokens.sign({ id, name: 'Ada' }, 600) })
    await ada.join('general')
  }
  t.equal(rooms.held.size, 0)
})

t.test('the cookie counts where hello has no token, and a stale one does not lock anybody out', async (t) => {
  const { a } = await buildWithRooms(t)
  const hello = async (token: string, frame: object): Promise<unknown> => {
    const socket = new WebSocket(a.ws, { headers: { cookie: `x=y; rabble_session=${token}` } })
    t.teardown(() => socket.terminate())
    const reply = new Promise((resolve) =>
      socket.once('message', (data) => resolve(JSON.parse(String(data)))),
    )
    socket.once('open', () => socket.send(JSON.stringify({ type: 'hello', ...frame })))
    return reply
  }
  const user = { id: 'ada', name: 'Ada' }
  const token = await a.tokens.sign(user, 600)
  t.match(await hello(token, {}), { type: 'welcome', user })
  t.match(
    await hello(token, { name: 'Eve' }),
    { type: 'welcome', user },
    'who signed in is not somebody else',
  )
  const other = await a.tokens.sign({ id: 'bob', name: 'Bob' }, 600)
  t.match(await hello(token, { token: other }), { type: 'welcome', user: { id: 'bob' } })
  const stale = await a.tokens.sign(user, -1)
  t.match(await hello(stale, { name: 'Cleo' }), { type: 'welcome', user: { name: 'Cleo' } })
  t.match(await hello(stale, {}), { type: 'error', code: 'unauthorized' })
})

t.test(
  'the connections of a browser’s session end with it, on all gateways, and no token of it counts',
  async (t) => {
    const { a, b, rooms } = await buildWithRooms(t)
    const user = { id: 'guest-ada', name: 'Ada' }
    const tokenOf = (id: string, seconds: number) =>
      a.tokens.signSession({ id, user, guest: true, roles: [] }, seconds)
    const token = await tokenOf('one', 600)
    const tabs = []
    for (const { ws } of [a, b]) {
      const tab = await connectChat(t, ws, { hello: false })
      const welcome = (await tab.request({ type: 'hello', token })) as Welcome
      t.match(welcome, { user, token: undefined }, 'no token that outlives the session')
      t.ok((welcome.expiresIn ?? 0) <= 600_000)
      tabs.push(tab)
    }
    const elsewhere = await connectChat(t, a.ws, { token: await tokenOf('two', 600) })
    t.equal(rooms.held.get('ada'), user.id)
    const expiresAt = Date.now() + 600_000
    rooms.put('session:one', { kind: 'session', session: 'one', user: user.id, expiresAt })
    for (const tab of tabs) t.equal((await tab.closed).code, 4401)
    for (const { ws } of [a, b]) {
      const again = await connectChat(t, ws, { hello: false })
      await t.rejects(again.request({ type: 'hello', token }), { code: 'unauthorized' })
    }
    await t.rejects(elsewhere.request({ type: 'refresh', token }), { code: 'unauthorized' })
    await elsewhere.request({ type: 'refresh', token: await tokenOf('two', 300) })
  },
)

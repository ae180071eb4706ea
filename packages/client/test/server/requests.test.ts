import t from 'tap'
import { type ChatError, createServerClient } from '../../src/server/index.ts'
import { createFake } from './fake-server.ts'

const refusal = (status: number, code: string) => ({
  status,
  body: { statusCode: status, code, message: 'no' },
})

t.test('each method asks for what it says, with the token', async (t) => {
  const created = { status: 201, body: { id: 'x' } }
  const none = { status: 204 }
  const { rabble, asked } = createFake([
    ...[created, created, created, created, none, created, none, created, none],
    { body: { id: 'd' } },
    { body: { events: [], position: 'p', hasMore: false } },
  ])
  t.same(await rabble.publish('Ein Raum', 'hi', { cid: '1', as: 'CI', meta: { n: 1 }, replyTo: 'm' }), {
    id: 'x',
  })
  await rabble.notify({ user: 'ada' }, 'to one', { cid: '2' })
  await rabble.notify({ room: 'general' }, 'to a room', { cid: '3' })
  await rabble.notify('everybody', 'to all', { cid: '4' })
  t.equal(await rabble.kick('eve', { room: 'general', reason: 'spam' }), undefined)
  t.same(await rabble.ban('eve', { seconds: 60 }), { id: 'x' })
  await rabble.unban(7)
  await rabble.mute('eve')
  await rabble.unmute(8)
  t.same(await rabble.deleteMessage('general', 'm1'), { id: 'd' })
  t.equal(await rabble.position(), 'p')
  const post = { method: 'POST', token: 'secret' }
  const remove = { method: 'DELETE', token: 'secret' }
  t.same(asked, [
    {
      ...post,
      path: 'api/rooms/Ein%20Raum/messages',
      body: { text: 'hi', cid: '1', as: 'CI', meta: { n: 1 }, replyTo: 'm' },
    },
    { ...post, path: 'api/notify', body: { user: 'ada', text: 'to one', cid: '2' } },
    { ...post, path: 'api/notify', body: { room: 'general', text: 'to a room', cid: '3' } },
    { ...post, path: 'api/notify', body: { text: 'to all', cid: '4' } },
    { ...post, path: 'api/moderation/kicks', body: { user: 'eve', room: 'general', reason: 'spam' } },
    { ...post, path: 'api/moderation/bans', body: { user: 'eve', seconds: 60 } },
    { ...remove, path: 'api/moderation/bans/7' },
    { ...post, path: 'api/moderation/mutes', body: { user: 'eve' } },
    { ...remove, path: 'api/moderation/mutes/8' },
    { ...remove, path: 'api/rooms/general/messages/m1' },
    { method: 'GET', token: 'secret', path: 'api/events?from=now' },
  ])
})

t.test(
  'a request that may succeed later is repeated as the same one, as late as the server says',
  async (t) => {
    t.intercept(Math, 'random', { value: () => 0 })
    const { rabble, clock, asked, pass } = createFake([
      { ...refusal(503, 'unavailable'), headers: { 'retry-after': '3' } },
      Object.assign(new TypeError('fetch failed'), { cause: new Error('ECONNREFUSED') }),
      { status: 502, body: '<html>a proxy</html>' },
      { status: 201, body: { id: 'x' } },
    ])
    const began = clock.monotonic()
    t.same(await pass(rabble.publish('general', 'hi'), 500), { id: 'x' })
    t.ok(clock.monotonic() - began >= 3_000)
    const [first] = asked
    t.match(first, { body: { cid: String } })
    t.same(asked, [first, first, first, first], 'with the same cid')
  },
)

t.test('it gives up in time, and at once if a repeat is in vain', async (t) => {
  const { rabble, asked, pass } = createFake(['silence'], { retryFor: 10_000 })
  await t.rejects(pass(rabble.publish('general', 'hi'), 5_000), { name: 'ChatError', code: 'timeout' })
  t.equal(asked.length, 1)
  const refused = createFake([refusal(403, 'forbidden'), { status: 400, body: 'not ours' }])
  await t.rejects(refused.rabble.notify('everybody', 'hi'), { code: 'forbidden', message: 'no' })
  await t.rejects(refused.rabble.notify('everybody', 'hi'), { code: 'bad-frame' })
  t.equal(refused.asked.length, 2)
})

t.test('a token that is refused is replaced once', async (t) => {
  let count = 0
  const { rabble, asked } = createFake(
    [
      { status: 201, body: { id: 'x' } },
      refusal(401, 'unauthorized'),
      { status: 201, body: { id: 'y' } },
      refusal(401, 'unauthorized'),
      refusal(401, 'unauthorized'),
    ],
    { getToken: async () => `token-${++count}` },
  )
  await rabble.notify('everybody', '1')
  t.same(await rabble.notify('everybody', '2'), { id: 'y' })
  await t.rejects(rabble.notify('everybody', '3'), { code: 'unauthorized' })
  t.same(
    asked.map(({ token }) => token),
    ['token-1', 'token-1', 'token-2', 'token-2', 'token-3'],
  )
})

t.test('a signal ends a request, also between two attempts', async (t) => {
  const { rabble, asked, pass } = createFake([refusal(503, 'unavailable')])
  const waiting = new AbortController()
  const request = rabble.publish('general', 'hi', { signal: waiting.signal })
  request.catch(() => waiting)
  await new Promise((resolve) => setImmediate(resolve))
  waiting.abort(new Error('enough'))
  await t.rejects(pass(request), { message: 'enough' })
  t.equal(asked.length, 1)
  await t.rejects(rabble.publish('general', 'hi', { signal: waiting.signal }), { message: 'enough' })
  t.equal(asked.length, 1)
})

t.test('what can’t be meant is refused before it is sent', async (t) => {
  const { rabble, asked } = createFake([])
  const user = undefined as unknown as string
  await t.rejects(rabble.notify({ user }, 'not to everybody'), { name: 'TypeError' })
  await t.rejects(rabble.publish('..', 'hi'), { code: 'bad-frame' } satisfies Partial<ChatError>)
  t.same(asked, [])
  t.throws(() => createServerClient({ url: 'https://a.example' }), /either token or getToken/)
  const both = { token: 'a', getToken: () => 'b' }
  t.throws(() => createServerClient({ url: 'https://a.example', ...both }), /either token or getToken/)
  t.throws(() => createServerClient({ url: 'chat.example', token: 'a' }), TypeError)
  t.throws(() => createServerClient({ url: 'ws://chat.example', token: 'a' }), /https:/)
})

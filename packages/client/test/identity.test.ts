import { until } from '@rabble/harness'
import t from 'tap'
import { createStorage, enter } from './build.ts'
import { lose, nextAttempt, refusal, startFakeGateway, welcome } from './fake-gateway.ts'

t.test('a guest that comes back is the same one', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' ? welcome({ token: `token-${frame.token ?? 'first'}` }) : undefined,
  )
  const chat = gateway.connect()
  await chat.ready
  await lose(gateway, chat)
  await until(() => chat.status === 'open', 30_000, 'the second connection')
  t.same(gateway.frames('hello')[1], { type: 'hello', token: 'token-first' })
})

t.test('a guest keeps its token where a gateway has no fresh one to give', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' && frame.token !== undefined ? welcome() : undefined,
  )
  const storage = createStorage()
  storage.setItem('rabble.guest.Ada', JSON.stringify({ token: 'kept' }))
  const chat = gateway.connect({ storage })
  await chat.ready
  await lose(gateway, chat)
  await until(() => gateway.frames('hello').length === 2, 30_000, 'the second hello')
  t.same(gateway.frames('hello')[1], { type: 'hello', token: 'kept' })
})

t.test('a reload is the same guest, if there is a storage', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' ? welcome({ token: 'a-token' }) : undefined,
  )
  const storage = createStorage()
  const before = gateway.connect({ storage })
  await before.ready
  before.close()
  const after = gateway.connect({ storage })
  t.same(after.user, { id: 'guest-ada', name: 'Ada' }, 'and known before there is a connection')
  await after.ready
  await gateway.connect({ name: 'Bob', storage }).ready
  t.same(gateway.frames('hello').slice(1), [
    { type: 'hello', token: 'a-token' },
    { type: 'hello', name: 'Bob' },
  ])
})

t.test('a guest whose token is too old comes with the name again, on the same connection', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type !== 'hello') return undefined
    return frame.token === 'old'
      ? refusal(frame, 'unauthorized')
      : welcome({ token: frame.name ? 'old' : 'x' })
  })
  const storage = createStorage()
  await gateway.connect({ storage }).ready
  await gateway.connect({ storage }).ready
  t.same(gateway.connections[1]?.frames, [
    { type: 'hello', token: 'old' },
    { type: 'hello', name: 'Ada' },
  ])
})

t.test('a name that somebody else holds ends it, and says so', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'hello' && frame.name === 'Ada'
      ? refusal(frame, 'name-taken', { retryAfter: 9 })
      : undefined,
  )
  const chat = gateway.connect()
  const room = enter(chat, 'general')
  await t.rejects(chat.ready, { code: 'name-taken', message: 'this is name-taken' })
  t.match(chat.state, { status: 'closed', code: 'name-taken', reason: 'this is name-taken' })
  t.match(room.state, { status: 'left', code: 'closed' })
  await t.rejects(room.send('hello'), { code: 'closed' })
  await gateway.connect({ name: 'Ada Two' }).ready
})

t.test('a guest who was in already waits for a name that is held for somebody who vanished', async (t) => {
  let refusals = 2
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type !== 'hello' || gateway.connections.length === 1) return undefined
    return refusals-- > 0 ? refusal(frame, 'name-taken', { retryAfter: 5_000 }) : undefined
  })
  const chat = gateway.connect()
  await chat.ready
  await lose(gateway, chat)
  for (const attempt of [2, 3]) {
    await until(() => chat.status === 'waiting', 30_000, 'the refusal')
    t.match(chat.state, { attempt, reason: 'this is name-taken' })
    await gateway.clock.advance(4_999)
    t.equal(gateway.attempts, attempt, 'it does not come earlier than it was told to')
    await nextAttempt(gateway, chat)
  }
  await until(() => chat.status === 'open', 30_000, 'the name')
  t.equal(gateway.attempts, 4)
})

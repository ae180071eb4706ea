import { until } from '@rabble/harness'
import t from 'tap'
import type { ChatState } from '../src/index.ts'
import { createStorage, statesOf } from './build.ts'
import { type Answer, lose, nextAttempt, refusal, startFakeGateway, welcome } from './fake-gateway.ts'

/** Accepts only these tokens. */
const onlyFor =
  (...good: string[]): Answer =>
  (frame) =>
    frame.type === 'hello' && !good.includes(frame.token ?? '') ? refusal(frame, 'unauthorized') : undefined

t.test('with getToken the token is renewed before it ends, over the same connection', async (t) => {
  let random = 0
  t.intercept(Math, 'random', { value: () => random })
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'hello') return welcome({ expiresIn: 100_000 })
    return frame.type === 'refresh'
      ? { type: 'refreshed', ref: frame.ref ?? 0, expiresIn: 1_000_000 }
      : undefined
  })
  let asked = 0
  const chat = gateway.connect({ getToken: async () => `token-${++asked}` })
  await chat.ready
  const states = statesOf(chat)
  await until(() => gateway.clock.pending === 2, 30_000, 'the renewal to be planned')
  await gateway.clock.advance(39_999)
  t.equal(asked, 1, 'not before 40 % of its time')
  random = 1
  await gateway.clock.advance(1)
  await until(() => gateway.frames('refresh').length === 1, 30_000, 'the renewal')
  t.match(gateway.frames('refresh'), [{ token: 'token-2' }])
  // The answer comes after the answer to the renewal.
  await chat.room('general').fetchMembers()
  await gateway.clock.advance(599_999)
  t.equal(asked, 2, 'the new one has a time of its own, of which 60 % is the latest')
  await gateway.clock.advance(1)
  await until(() => gateway.frames('refresh').length === 2, 30_000, 'the next renewal')
  t.same(states, [], 'there was no moment without a connection')
  t.equal(gateway.attempts, 1)
})

t.test('a guest gets another token before this one is too old, and keeps it', async (t) => {
  t.intercept(Math, 'random', { value: () => 0.5 })
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'hello') return welcome({ token: 'first', expiresIn: 100_000 })
    return frame.type === 'refresh'
      ? { type: 'refreshed', ref: frame.ref ?? 0, token: 'second', expiresIn: 8.64e15 }
      : undefined
  })
  const storage = createStorage()
  const chat = gateway.connect({ storage })
  await chat.ready
  await until(() => gateway.clock.pending === 2, 30_000, 'the renewal to be planned')
  await gateway.clock.advance(50_000)
  await until(() => gateway.frames('refresh').length === 1, 30_000, 'the renewal')
  t.match(gateway.frames('refresh'), [{ token: 'first' }])
  await until(() => storage.items.get('rabble.guest.Ada')?.includes('second') === true, 30_000, 'the answer')
  await gateway.clock.advance(60_000)
  t.equal(gateway.frames('refresh').length, 1, 'a life longer than timers know is no reason to hurry')
  await lose(gateway, chat)
  await until(() => gateway.frames('hello').length === 2, 30_000, 'the next connection')
  t.same(gateway.frames('hello')[1], { type: 'hello', token: 'second' })
})

t.test('a renewal that fails is tried again, while the session goes on', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'hello') return welcome({ expiresIn: 100_000 })
    return frame.type === 'refresh' && frame.token === 'old' ? refusal(frame, 'unauthorized') : undefined
  })
  const answers: (() => string | Promise<string>)[] = [
    () => 'first',
    () => {
      throw new Error('no network')
    },
    () => new Promise(() => {}),
    () => 'old',
  ]
  const chat = gateway.connect({ getToken: () => answers.shift()?.() ?? 'new' })
  await chat.ready
  // The last retry comes when about an eighth of the time is left.
  while (gateway.frames('refresh').length < 2) {
    await gateway.clock.advance(1_000)
    await chat.room('general').fetchMembers()
  }
  t.same(
    gateway.frames('refresh').map(({ token }) => token),
    ['old', 'new'],
  )
  t.equal(chat.status, 'open')
  t.equal(gateway.attempts, 1)
})

t.test('a session whose token has expired comes back with another one', async (t) => {
  const gateway = await startFakeGateway(t, onlyFor('one', 'two'))
  let token = 'one'
  const chat = gateway.connect({ getToken: async () => token })
  await chat.ready
  token = 'two'
  gateway.connections[0]?.close(4401, 'the token has expired')
  await nextAttempt(gateway, chat)
  await until(() => chat.status === 'open', 30_000, 'the second token')
  t.same(gateway.frames('hello')[1], { type: 'hello', token: 'two' })
})

t.test('whoever was put out does not come back with another token', async (t) => {
  const gateway = await startFakeGateway(t)
  let asked = 0
  const chat = gateway.connect({ getToken: () => `token-${++asked}` })
  await chat.ready
  gateway.connections[0]?.close(1008, 'you are banned')
  await until(() => chat.status === 'closed', 30_000, 'the end')
  t.match(chat.state, { code: 'policy', reason: 'you are banned' })
  t.equal(asked, 1)
})

t.test('an application that gives the expired token once more is asked again in a few seconds', async (t) => {
  const gateway = await startFakeGateway(t, onlyFor('one', 'two'))
  const tokens = ['one', 'expired', 'expired', 'two']
  const chat = gateway.connect({ getToken: () => tokens.shift() ?? '' })
  await chat.ready
  await lose(gateway, chat)
  for (const refusals of [1, 2]) {
    await until(() => chat.status === 'waiting', 30_000, 'the refusal')
    t.match(chat.state, { reason: 'this is unauthorized' })
    await gateway.clock.advance(1_999)
    t.equal(gateway.attempts, 1 + refusals, 'not at once')
    await nextAttempt(gateway, chat)
  }
  await until(() => chat.status === 'open', 30_000, 'the good one')
  t.equal(gateway.attempts, 4)
})

t.test('after five refusals of tokens nobody asks any more', async (t) => {
  const gateway = await startFakeGateway(t, onlyFor())
  let asked = 0
  const chat = gateway.connect({ getToken: () => `token-${++asked}` })
  while (asked < 5) await nextAttempt(gateway, chat)
  await t.rejects(chat.ready, { code: 'unauthorized' })
  t.match(chat.state, { status: 'closed', code: 'unauthorized' })
  await gateway.clock.advance(600_000)
  t.equal(asked, 5)
  t.equal(gateway.clock.pending, 0)
})

t.test('a getToken that never answers is asked again after ten seconds', async (t) => {
  const gateway = await startFakeGateway(t)
  let asked = 0
  const chat = gateway.connect({ getToken: () => (++asked === 1 ? new Promise(() => {}) : 'a token') })
  await gateway.clock.advance(9_999)
  t.match(chat.state, { status: 'connecting', attempt: 1 })
  await gateway.clock.advance(1)
  t.match(chat.state, { status: 'waiting', reason: /getToken took too long/ })
  await nextAttempt(gateway, chat)
  await chat.ready
  t.equal(asked, 2)
})

t.test('a getToken that fails is asked again', async (t) => {
  const gateway = await startFakeGateway(t)
  let calls = 0
  const getToken = () => {
    if (++calls === 1) throw new Error('no network')
    return 'one'
  }
  const chat = gateway.connect({ getToken })
  const states: ChatState[] = []
  chat.on('state', ({ state }) => states.push(state))
  await nextAttempt(gateway, chat)
  await chat.ready
  t.match(states, [
    { status: 'waiting', attempt: 1, reason: 'Error: no network' },
    { status: 'connecting', attempt: 2 },
    { status: 'open' },
  ])
})

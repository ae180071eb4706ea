import { until } from '@rabble/harness'
import t from 'tap'
import { enter } from './build.ts'
import { joined, lose, message, refusal, startFakeGateway, welcome } from './fake-gateway.ts'

t.test('what is sent is acknowledged with its id, under a cid of its own', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  const room = enter(chat, 'general')
  const sent = room.send('hello', { replyTo: 'm1', meta: { colour: 'red' } })
  t.match(room.pending, [{ type: 'send', room: 'general', text: 'hello', status: 'pending' }])
  const { id } = await sent
  const [frame] = gateway.frames('send')
  t.match(frame, {
    room: 'general',
    text: 'hello',
    cid: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
    replyTo: 'm1',
    meta: { colour: 'red' },
  })
  t.equal(id, `id-${frame?.cid}`)
  t.match(room.pending, [{ status: 'sent' }], 'until it comes back as a message of the room')
  const own = { ...message('general', id, 'hello'), from: { id: 'guest-ada', name: 'Ada' } }
  gateway.connections[0]?.send({ ...own, ...(frame?.cid !== undefined && { cid: frame.cid }) })
  await until(() => room.pending.length === 0, 30_000, 'the message')
  t.match(room.messages, [{ id, text: 'hello' }])
})

t.test('edits and deletions are acknowledged the same way', async (t) => {
  const gateway = await startFakeGateway(t)
  const room = enter(gateway.connect(), 'general')
  t.match(await room.edit('m1', 'better'), { id: /^id-/ })
  t.same(await room.delete('m1'), { id: 'deletion-m1' })
  t.match(gateway.frames('edit'), [{ room: 'general', id: 'm1', text: 'better', cid: String }])
  t.match(gateway.frames('delete'), [{ room: 'general', id: 'm1' }])
})

t.test('a message that is refused for now goes out again, and those behind it wait', async (t) => {
  t.intercept(Math, 'random', { value: () => 0.5 })
  const refusals = ['rate-limited', 'unavailable', 'rate-limited'] as const
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type !== 'send' || frame.text !== 'first') return undefined
    const code = refusals[gateway.frames('send').length - 1]
    if (code === undefined) return undefined
    return refusal(frame, code, code === 'rate-limited' ? { retryAfter: 5_000 } : {})
  })
  const room = enter(gateway.connect(), 'general')
  const all = Promise.all(['first', 'second', 'third'].map((text) => room.send(text)))
  for (const [index, code] of refusals.entries()) {
    await until(() => gateway.frames('send').length === index + 1, 30_000, 'the message')
    await until(() => room.pending[0]?.error?.code === code, 30_000, 'the reason, which the page can show')
    const wait = (code === 'rate-limited' ? 5_000 : 0) + 250 * 2 ** index
    await gateway.clock.advance(wait - 1)
    await room.fetchMembers()
    t.equal(gateway.frames('send').length, index + 1, 'not earlier than it was told to')
    await gateway.clock.advance(1)
  }
  await all
  const sends = gateway.frames('send')
  t.same(
    sends.map(({ text }) => text),
    ['first', 'first', 'first', 'first', 'second', 'third'],
  )
  t.equal(new Set(sends.slice(0, 4).map(({ cid }) => cid)).size, 1, 'always under the same cid')
})

t.test('a message that nobody answers goes out again, under the same cid', async (t) => {
  t.intercept(Math, 'random', { value: () => 0.5 })
  let deaf = true
  const gateway = await startFakeGateway(t, (frame) => (deaf && frame.type === 'send' ? null : undefined))
  const room = enter(gateway.connect(), 'general')
  const sent = room.send('hello?')
  await until(() => gateway.frames('send').length === 1, 30_000, 'the message')
  deaf = false
  await gateway.clock.advance(15_000)
  t.match(room.pending, [{ status: 'pending', error: { code: 'timeout' } }])
  await gateway.clock.advance(250)
  await sent
  const [one, other] = gateway.frames('send')
  t.equal(one?.cid, other?.cid)
})

t.test('a message can be sent again at once, without waiting for its next try', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'send' && gateway.frames('send').length === 1
      ? refusal(frame, 'rate-limited', { retryAfter: 600_000 })
      : undefined,
  )
  const room = enter(gateway.connect(), 'general')
  const sent = room.send('hello')
  await until(() => room.pending[0]?.error !== undefined, 30_000, 'the refusal')
  t.same(await room.pending[0]?.retry(), await sent)
  t.equal(gateway.frames('send').length, 2)
})

t.test('of each room one is on its way at a time; rooms don’t wait for each other', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'send' && frame.room === 'slow' ? null : undefined,
  )
  const chat = gateway.connect()
  const slow = enter(chat, 'slow')
  void slow.send('one')
  void slow.send('two')
  await chat.room('quick').send('three')
  t.same(
    gateway.frames('send').map(({ text }) => text),
    ['one', 'three'],
  )
})

t.test('a message that is refused for good fails, and can be sent again or given up', async (t) => {
  let muted = true
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'send' && muted ? refusal(frame, 'forbidden') : undefined,
  )
  const room = enter(gateway.connect(), 'general')
  await t.rejects(room.send('one'), { code: 'forbidden', message: 'this is forbidden' })
  await t.rejects(room.send('two'), { code: 'forbidden' })
  t.match(room.pending, [
    { text: 'one', status: 'failed', error: { code: 'forbidden' } },
    { text: 'two', status: 'failed' },
  ])
  muted = false
  room.pending[1]?.discard()
  await room.pending[0]?.retry()
  const sends = gateway.frames('send')
  t.same(
    sends.map(({ text }) => text),
    ['one', 'two', 'one'],
  )
  t.equal(sends[0]?.cid, sends[2]?.cid)
})

t.test('a text that makes a frame too large fails here: it would close each connection', async (t) => {
  const gateway = await startFakeGateway(t)
  const room = enter(gateway.connect(), 'general')
  await t.rejects(room.send('é'.repeat(33_000)), { code: 'too-large' })
  t.same(gateway.frames('send'), [])
})

t.test('a promise that is ignored makes no unhandled rejection', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'send' ? refusal(frame, 'forbidden') : undefined,
  )
  const chat = gateway.connect({ outbox: { count: 1 } })
  const room = enter(chat, 'general')
  void room.send('one')
  void room.send('two')
  await until(() => room.pending[0]?.status === 'failed', 30_000, 'the failure')
  chat.close()
  void room.send('three')
  await new Promise((resolve) => setImmediate(resolve))
})

t.test('what was not acknowledged goes out first on the next connection, under the same cid', async (t) => {
  let deaf = true
  const gateway = await startFakeGateway(t, (frame) => (deaf && frame.type === 'send' ? null : undefined))
  const chat = gateway.connect()
  const room = enter(chat, 'general')
  const both = Promise.all([room.send('one'), room.send('two')])
  await until(() => gateway.frames('send').length === 1, 30_000, 'the first one')
  deaf = false
  await lose(gateway, chat)
  await both
  const sends = gateway.frames('send')
  t.same(
    sends.map(({ text }) => text),
    ['one', 'one', 'two'],
  )
  t.equal(sends[0]?.cid, sends[1]?.cid)
})

t.test('what comes back with the room is known to be sent, and is not sent again', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'send') return frame.text === 'one' ? null : undefined
    const [lost] = gateway.frames('send')
    if (frame.type !== 'join' || lost?.cid === undefined) return undefined
    const own = { ...message('general', 'm1', 'one'), from: { id: 'guest-ada', name: 'Ada' }, cid: lost.cid }
    return joined(frame, { events: [own] })
  })
  const chat = gateway.connect()
  const room = enter(chat, 'general')
  const sent = room.send('one')
  await until(() => gateway.frames('send').length === 1, 30_000, 'the message')
  await lose(gateway, chat)
  t.same(await sent, { id: 'm1' })
  await room.send('two')
  t.same(
    gateway.frames('send').map(({ text }) => text),
    ['one', 'two'],
  )
})

t.test('what comes back as an event needs no other acknowledgement, and those behind it go on', async (t) => {
  const from = { id: 'guest-ada', name: 'Ada' }
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type !== 'send' && frame.type !== 'edit' && frame.type !== 'delete') return undefined
    const { room, at, via } = message('general', '')
    const made = { room, id: `m${gateway.connections[0]?.frames.length}`, from, at, via }
    if (frame.type === 'delete') return { type: 'delete', ...made, message: frame.id }
    const { text, cid = '' } = frame
    return frame.type === 'send'
      ? { type: 'message', ...made, text, cid }
      : { type: 'edit', ...made, message: frame.id, text, cid }
  })
  const chat = gateway.connect()
  const room = enter(chat, 'general')
  await room.join()
  // The clock stands still, so no request times out.
  const all = [
    room.send('one'),
    room.send('two'),
    room.edit('m0', 'better'),
    room.delete('m0'),
    room.send('three'),
  ]
  const ids = (await Promise.all(all)).map(({ id }) => id)
  t.equal(new Set(ids).size, all.length)
  t.same(room.pending, [])
  t.same(
    room.messages.map(({ text }) => text),
    ['one', 'two', 'three'],
  )
  await gateway.clock.advance(60_000)
  t.equal(gateway.frames('send').length, 3, 'none is sent again')
})

t.test('what somebody wrote never goes out in another user’s name, also not when asked to', async (t) => {
  let id = 'ada'
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'hello') return welcome({ user: { id, name: id } })
    if (frame.type !== 'send' || id !== 'ada') return undefined
    return frame.room === 'closed' ? refusal(frame, 'forbidden') : null
  })
  const chat = gateway.connect({ getToken: () => `token-of-${id}` })
  const room = enter(chat, 'general')
  const sent = room.send('I am Ada')
  await t.rejects(chat.room('closed').send('Ada, again'), { code: 'forbidden' })
  await until(() => gateway.frames('send').length === 2, 30_000, 'the messages')
  id = 'bob'
  await lose(gateway, chat)
  await t.rejects(sent, { code: 'other-user' })
  await room.send('I am Bob')
  const failed = chat.pending.filter(({ status }) => status === 'failed')
  t.match(failed, [{ error: { code: 'other-user' } }, { error: { code: 'other-user' } }])
  for (const item of failed) await t.rejects(item.retry())
  await room.send('still Bob')
  const texts = gateway.frames('send').map(({ text }) => text)
  t.same(texts.sort(), ['Ada, again', 'I am Ada', 'I am Bob', 'still Bob'])
})

t.test('what may be unsent is bounded, by number and by bytes', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => (frame.type === 'send' ? null : undefined))
  const few = enter(gateway.connect({ outbox: { count: 2 } }), 'general')
  void few.send('one')
  void few.send('two')
  await t.rejects(few.send('three'), { code: 'outbox-full' })
  t.equal(few.pending.length, 2)
  const small = enter(gateway.connect({ outbox: { bytes: 2_000 } }), 'general')
  void small.send('x'.repeat(1_000))
  await t.rejects(small.send('x'.repeat(1_000)), { code: 'outbox-full' })
  small.pending[0]?.discard()
  void small.send('x'.repeat(1_000))
  t.equal(small.pending.length, 1)
})

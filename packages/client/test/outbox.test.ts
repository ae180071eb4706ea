import { until } from '@rabble/harness'
import t from 'tap'
import { chatWith, createStorage } from './build.ts'
import { joined, message, refusal, startFakeGateway, welcome } from './fake-gateway.ts'

t.test('what is sent is acknowledged with its id, under a cid of its own', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  const room = chat.room('general')
  const sent = room.send('hello', { replyTo: 'm1', meta: { colour: 'red' } })
  t.match(room.pending, [{ type: 'send', room: 'general', text: 'hello', state: 'pending' }])
  const { id } = await sent
  const [frame] = gateway.frames('send')
  t.match(frame, {
    room: 'general',
    text: 'hello',
    cid: /^\d+(-\d+){3}$/,
    replyTo: 'm1',
    meta: { colour: 'red' },
  })
  t.equal(id, `id-${frame?.cid}`)
  t.match(room.pending, [{ state: 'sent' }], 'until it comes back as a message of the room')
  const own = { ...message('general', id, 'hello'), from: { id: 'guest-ada', name: 'Ada' } }
  gateway.connections[0]?.send({ ...own, ...(frame?.cid !== undefined && { cid: frame.cid }) })
  await until(() => room.pending.length === 0, 30_000, 'the message')
  t.match(room.messages, [{ id, text: 'hello' }])
})

t.test('edits and deletions are acknowledged the same way', async (t) => {
  const gateway = await startFakeGateway(t)
  const room = chatWith(t, { url: gateway.url, name: 'Ada' }).room('general')
  t.match(await room.edit('m1', 'better'), { id: /^id-/ })
  t.same(await room.delete('m1'), { id: 'deletion-m1' })
  t.match(gateway.frames('edit'), [{ room: 'general', id: 'm1', text: 'better', cid: String }])
  t.match(gateway.frames('delete'), [{ room: 'general', id: 'm1' }])
})

t.test('a message that is refused for now goes out again, and those behind it wait', async (t) => {
  let refusals = 3
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type !== 'send' || frame.text !== 'first' || refusals-- <= 0) return undefined
    return refusals === 1 ? refusal(frame, 'unavailable') : refusal(frame, 'rate-limited', { retryAfter: 40 })
  })
  const room = chatWith(t, { url: gateway.url, name: 'Ada' }).room('general')
  const codes = new Set<string | undefined>()
  room.on('changed', () => codes.add(room.pending[0]?.error?.code))
  await Promise.all(['first', 'second', 'third'].map((text) => room.send(text)))
  const sends = gateway.frames('send')
  t.same(
    sends.map(({ text }) => text),
    ['first', 'first', 'first', 'first', 'second', 'third'],
  )
  t.equal(new Set(sends.slice(0, 4).map(({ cid }) => cid)).size, 1, 'always under the same cid')
  t.ok(codes.has('rate-limited') && codes.has('unavailable'), 'and the page can say why it takes so long')
})

t.test('of each room one is on its way at a time; rooms don’t wait for each other', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'send' && frame.room === 'slow' ? null : undefined,
  )
  const chat = chatWith(t, { url: gateway.url, name: 'Ada' })
  const slow = chat.room('slow')
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
  const room = chatWith(t, { url: gateway.url, name: 'Ada' }).room('general')
  await t.rejects(room.send('one'), { code: 'forbidden', message: 'this is forbidden' })
  await t.rejects(room.send('two'), { code: 'forbidden' })
  t.match(room.pending, [
    { text: 'one', state: 'failed', error: { code: 'forbidden' } },
    { text: 'two', state: 'failed' },
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
  const room = chatWith(t, { url: gateway.url, name: 'Ada' }).room('general')
  await t.rejects(room.send('é'.repeat(9_000)), { code: 'too-large' })
  t.same(gateway.frames('send'), [])
})

t.test('who ignores the promise gets no unhandled rejection', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'send' ? refusal(frame, 'forbidden') : undefined,
  )
  const chat = chatWith(t, { url: gateway.url, name: 'Ada', outbox: { count: 1 } })
  const room = chat.room('general')
  void room.send('one')
  void room.send('two')
  await until(() => room.pending[0]?.state === 'failed', 30_000, 'the failure')
  chat.close()
  void room.send('three')
  await new Promise((resolve) => setImmediate(resolve))
})

t.test('what was not acknowledged goes out first on the next connection, under the same cid', async (t) => {
  let deaf = true
  const gateway = await startFakeGateway(t, (frame) => (deaf && frame.type === 'send' ? null : undefined))
  const room = chatWith(t, { url: gateway.url, name: 'Ada' }).room('general')
  const both = Promise.all([room.send('one'), room.send('two')])
  await until(() => gateway.frames('send').length === 1, 30_000, 'the first one')
  deaf = false
  gateway.connections[0]?.close()
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
  const room = chatWith(t, { url: gateway.url, name: 'Ada' }).room('general')
  const sent = room.send('one')
  await until(() => gateway.frames('send').length === 1, 30_000, 'the message')
  gateway.connections[0]?.close()
  t.same(await sent, { id: 'm1' })
  await room.send('two')
  t.same(
    gateway.frames('send').map(({ text }) => text),
    ['one', 'two'],
  )
})

t.test(
  'what is unsent survives a reload, and goes out by itself, in order, also to rooms that nobody opens',
  async (t) => {
    let deaf = true
    const gateway = await startFakeGateway(t, (frame) => (deaf && frame.type === 'send' ? null : undefined))
    const storage = createStorage()
    const before = chatWith(t, { url: gateway.url, name: 'Ada', storage })
    await before.ready
    for (const text of ['one', 'two']) void before.room('general').send(text)
    void before.room('other').send('three')
    void before.sendTo('guest-bob', 'four')
    await until(() => gateway.frames('send').length === 3, 30_000, 'one of each room')
    const cids = gateway.frames('send').map(({ cid }) => cid)
    before.close()

    const after = chatWith(t, { url: gateway.url, name: 'Ada', storage })
    const room = after.room('general')
    t.match(room.pending, [{ text: 'one' }, { text: 'two' }], 'they can be seen at once')
    t.match(after.directRoom('guest-bob').pending, [{ text: 'four' }])
    deaf = false
    await until(() => gateway.frames('send').length === 7, 30_000, 'all of them')
    const again = gateway.frames('send').slice(3)
    t.same(
      again.filter((frame) => frame.room === 'general').map(({ text }) => text),
      ['one', 'two'],
    )
    t.ok(
      cids.every((cid) => again.some((frame) => frame.cid === cid)),
      'under the same cids',
    )
    await until(() => gateway.frames('leave').length === 1, 30_000, 'the other room to be left again')
    t.match(gateway.frames('leave'), [{ room: 'other' }])
    const isEmpty = () => ![...storage.items.keys()].some((key) => key.includes('unsent'))
    await until(isEmpty, 30_000, 'nothing to be left in the storage, once all is acknowledged')
  },
)

t.test('what has failed is still failed after a reload', async (t) => {
  const gateway = await startFakeGateway(t, (frame) =>
    frame.type === 'send' ? refusal(frame, 'forbidden') : undefined,
  )
  const storage = createStorage()
  const before = chatWith(t, { url: gateway.url, name: 'Ada', storage })
  await t.rejects(before.room('general').send('one'))
  before.close()
  const after = chatWith(t, { url: gateway.url, name: 'Ada', storage })
  await after.ready
  t.match(after.pending, [{ text: 'one', state: 'failed', error: { code: 'forbidden' } }])
  after.pending[0]?.discard()
  t.same(after.pending, [])
  t.notOk([...storage.items.keys()].some((key) => key.includes('unsent')))
})

t.test('two tabs with one storage keep each other’s', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => (frame.type === 'send' ? null : undefined))
  const storage = createStorage()
  const tabs = [1, 2].map(() => chatWith(t, { url: gateway.url, name: 'Ada', storage }))
  await Promise.all(tabs.map(({ ready }) => ready))
  for (const [index, tab] of tabs.entries()) void tab.room('general').send(`from tab ${index}`)
  tabs[0]?.pending[0]?.discard()
  for (const tab of tabs) tab.close()
  const after = chatWith(t, { url: gateway.url, name: 'Ada', storage })
  t.same(
    after.pending.map(({ text }) => text),
    ['from tab 1'],
  )
})

t.test('what somebody wrote never goes out in another user’s name, also not when asked to', async (t) => {
  let id = 'ada'
  const gateway = await startFakeGateway(t, (frame) => {
    if (frame.type === 'hello') return welcome({ user: { id, name: id } })
    if (frame.type !== 'send' || id !== 'ada') return undefined
    return frame.room === 'closed' ? refusal(frame, 'forbidden') : null
  })
  const chat = chatWith(t, { url: gateway.url, getToken: () => `token-of-${id}` })
  const room = chat.room('general')
  const sent = room.send('I am Ada')
  await t.rejects(chat.room('closed').send('Ada, again'), { code: 'forbidden' })
  await until(() => gateway.frames('send').length === 2, 30_000, 'the messages')
  id = 'bob'
  gateway.connections[0]?.close()
  await t.rejects(sent, { code: 'other-user' })
  await room.send('I am Bob')
  const failed = chat.pending.filter(({ state }) => state === 'failed')
  t.match(failed, [{ error: { code: 'other-user' } }, { error: { code: 'other-user' } }])
  for (const item of failed) await t.rejects(item.retry())
  await room.send('still Bob')
  const texts = gateway.frames('send').map(({ text }) => text)
  t.same(texts.sort(), ['Ada, again', 'I am Ada', 'I am Bob', 'still Bob'])
})

t.test('what may be unsent is bounded, by number and by bytes', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => (frame.type === 'send' ? null : undefined))
  const few = chatWith(t, { url: gateway.url, name: 'Ada', outbox: { count: 2 } }).room('general')
  void few.send('one')
  void few.send('two')
  await t.rejects(few.send('three'), { code: 'outbox-full' })
  t.equal(few.pending.length, 2)
  const small = chatWith(t, { url: gateway.url, name: 'Ada', outbox: { bytes: 2_000 } }).room('general')
  void small.send('x'.repeat(1_000))
  await t.rejects(small.send('x'.repeat(1_000)), { code: 'outbox-full' })
  small.pending[0]?.discard()
  void small.send('x'.repeat(1_000))
  t.equal(small.pending.length, 1)
})

t.test('a storage that is full or forbidden costs nothing but the comfort', async (t) => {
  const gateway = await startFakeGateway(t)
  const no = () => {
    throw new Error('forbidden')
  }
  const storage = { getItem: no, setItem: no, removeItem: no }
  await chatWith(t, { url: gateway.url, name: 'Ada', storage }).room('general').send('hello')
  const odd = { getItem: () => '{"what', setItem: no, removeItem: no }
  await chatWith(t, { url: gateway.url, name: 'Ada', storage: odd }).room('general').send('hello')
})

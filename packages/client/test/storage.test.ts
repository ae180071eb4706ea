import { until } from '@rabble/harness'
import t from 'tap'
import { createStorage, enter } from './build.ts'
import { refusal, startFakeGateway } from './fake-gateway.ts'

t.test(
  'what is unsent survives a reload, and goes out by itself, in order, also to rooms that nobody opens',
  async (t) => {
    let deaf = true
    const gateway = await startFakeGateway(t, (frame) => (deaf && frame.type === 'send' ? null : undefined))
    const storage = createStorage()
    const before = gateway.connect({ storage })
    await before.ready
    for (const text of ['one', 'two']) void before.room('general').send(text)
    void before.room('other').send('three')
    void before.sendTo('guest-bob', 'four')
    await until(() => gateway.frames('send').length === 3, 30_000, 'one of each room')
    const cids = gateway.frames('send').map(({ cid }) => cid)
    before.close()

    const after = gateway.connect({ storage })
    const room = enter(after, 'general')
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
  const before = gateway.connect({ storage })
  await t.rejects(before.room('general').send('one'))
  before.close()
  const after = gateway.connect({ storage })
  await after.ready
  t.match(after.pending, [{ text: 'one', status: 'failed', error: { code: 'forbidden' } }])
  after.pending[0]?.discard()
  t.same(after.pending, [])
  t.notOk([...storage.items.keys()].some((key) => key.includes('unsent')))
})

t.test('two tabs with one storage keep each other’s', async (t) => {
  const gateway = await startFakeGateway(t, (frame) => (frame.type === 'send' ? null : undefined))
  const storage = createStorage()
  const tabs = [1, 2].map(() => gateway.connect({ storage }))
  await Promise.all(tabs.map(({ ready }) => ready))
  for (const [index, tab] of tabs.entries()) void tab.room('general').send(`from tab ${index}`)
  tabs[0]?.pending[0]?.discard()
  for (const tab of tabs) tab.close()
  const after = gateway.connect({ storage })
  t.same(
    after.pending.map(({ text }) => text),
    ['from tab 1'],
  )
})

t.test('what one tab discards, another one that has read it already does not send', async (t) => {
  let isDown = false
  const gateway = await startFakeGateway(t, (frame) => (frame.type === 'hello' && isDown ? null : undefined))
  const storage = createStorage()
  const one = gateway.connect({ storage })
  const room = enter(one, 'general')
  await room.join()
  isDown = true
  gateway.connections[0]?.close()
  await until(() => one.status === 'waiting', 30_000, 'the loss')
  const discarded = room.send('not this')
  void room.send('but this')
  const other = gateway.connect({ storage })
  t.equal(other.pending.length, 2, 'the other tab would send both')
  room.pending[0]?.discard()
  await t.rejects(discarded, { code: 'discarded' })
  isDown = false
  other.reconnect()
  await until(() => gateway.frames('send').length === 1, 30_000, 'what was not discarded')
  one.reconnect()
  const isSent = () => [one, other].every(({ pending }) => pending.every(({ status }) => status === 'sent'))
  await until(isSent, 30_000, 'all to be sent')
  t.same(new Set(gateway.frames('send').map(({ text }) => text)), new Set(['but this']))
})

t.test('a storage that is full or forbidden costs nothing but the comfort', async (t) => {
  const gateway = await startFakeGateway(t)
  const no = () => {
    throw new Error('forbidden')
  }
  const storage = { getItem: no, setItem: no, removeItem: no }
  await gateway.connect({ storage }).room('general').send('hello')
  const odd = { getItem: () => '{"what', setItem: no, removeItem: no }
  await gateway.connect({ storage: odd }).room('general').send('hello')
})

import { until } from '@rabble/harness'
import t from 'tap'
import { WebSocket } from 'ws'
import { type Chat, connect, type Logger } from '../src/index.ts'
import { joined, lose, message, refusal, startFakeGateway } from './fake-gateway.ts'
import { openRoom } from './fake-history.ts'

t.test(
  'a snapshot of a room is the same until something in it changes, and never changes itself',
  async (t) => {
    const { chat, room, gateway } = await openRoom(t, (frame) => {
      if (frame.type === 'join') return joined(frame, { events: [message('general', 'm1')] })
      return frame.type === 'send' ? refusal(frame, 'forbidden') : undefined
    })
    // As React's useSyncExternalStore calls them.
    const { getSnapshot, subscribe } = room
    await room.join()
    const first = getSnapshot()
    t.equal(getSnapshot(), first)
    t.match(first, {
      state: { status: 'joined' },
      messages: [{ id: 'm1' }],
      count: 1,
      pending: [],
      typing: [],
    })
    let calls = 0
    const end = subscribe(() => calls++)
    const shared = {
      ...message('general', ''),
      type: 'edit',
      id: 'e1',
      message: 'm1',
      text: 'better',
    } as const
    gateway.connections[0]?.send(shared)
    await until(() => getSnapshot() !== first, 30_000, 'the edit')
    t.ok(calls > 0)
    t.match(first.messages, [{ id: 'm1', text: 'm1' }])
    t.match(getSnapshot().messages, [{ id: 'm1', text: 'better' }])
    const second = getSnapshot()
    const failing = room.send('hello')
    const [pending] = getSnapshot().pending
    t.match(pending, { text: 'hello', status: 'pending', error: undefined })
    t.equal(getSnapshot().messages, second.messages, 'what has not changed is still the same')
    await t.rejects(failing, { code: 'forbidden' })
    t.match(getSnapshot().pending, [{ text: 'hello', status: 'failed', error: { code: 'forbidden' } }])
    t.match(pending, { status: 'pending', error: undefined })
    t.equal(chat.pending[0], room.pending[0])
    pending?.discard()
    t.same(getSnapshot().pending, [])
    end()
    const before = calls
    await room.leave()
    t.equal(calls, before)
  },
)

t.test('a snapshot of the chat is the same while only its rooms change', async (t) => {
  const { chat, room, gateway } = await openRoom(t)
  await room.join()
  const { getSnapshot, subscribe } = chat
  const first = getSnapshot()
  t.match(first, { state: { status: 'open' }, user: { name: 'Ada' }, rooms: [room], pending: [] })
  let calls = 0
  subscribe(() => calls++)
  gateway.connections[0]?.send(message('general', 'm1'))
  await until(() => calls > 0, 30_000, 'the message')
  t.equal(getSnapshot(), first)
  await lose(gateway, chat)
  t.not(getSnapshot(), first)
  t.equal(getSnapshot().rooms, first.rooms)
  t.match(first.state, { status: 'open' })
})

t.test('listeners can be added for one event and removed, and a chat can be read like a room', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat = gateway.connect()
  const told: string[] = []
  const listener = ({ state }: { state: { status: string } }) => told.push(state.status)
  chat.once('state', listener)
  await chat.ready
  t.same(told, ['open'])
  chat.on('state', listener)
  await lose(gateway, chat)
  await until(() => chat.status === 'open', 30_000, 'the second connection')
  chat.off('state', listener)
  const reader = chat[Symbol.asyncIterator]()
  gateway.connections[1]?.send(message('dm:guest-ada:guest-bob', 'd1'))
  t.match((await reader.next()).value, { type: 'direct', event: { id: 'd1' }, peer: 'guest-bob' })
  chat.close()
  t.match((await reader.next()).value, { type: 'state', state: { status: 'closed' } })
  t.ok((await reader.next()).done)
  t.ok((await chat[Symbol.asyncIterator]().next()).done)
  t.same(told, ['open', 'waiting', 'connecting', 'open'])
})

t.test('a logger takes what happens to the connection, and what fails', async (t) => {
  const told: string[] = []
  const logger: Logger = {
    debug: (text) => told.push(`debug ${text}`),
    warn: (text) => told.push(`warn ${text}`),
  }
  const { chat, room, gateway } = await openRoom(
    t,
    (frame) => (frame.type === 'send' ? refusal(frame, 'forbidden') : undefined),
    undefined,
    { logger },
  )
  await room.join()
  await t.rejects(room.send('hello'))
  gateway.connections[0]?.close(1012)
  await until(() => chat.status === 'waiting', 30_000, 'the loss')
  t.match(chat.state, { code: 'restarting' })
  t.same(told, [
    'debug the connection is open',
    'warn a message in general has failed',
    'warn the connection is waiting',
  ])
})

t.test('a chat that is told to forget leaves nothing in its storage', async (t) => {
  const items = new Map<string, string>()
  const storage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  }
  const gateway = await startFakeGateway(t, (frame) => (frame.type === 'send' ? null : undefined))
  const chat = gateway.connect({ storage })
  await chat.ready
  const sending = chat.room('general').send('hello')
  chat.close()
  await t.rejects(sending, { code: 'closed' })
  t.ok(items.size >= 2)
  chat.close({ forget: true })
  t.same([...items.keys()], [])
  t.same(chat.pending, [])
})

t.test('connect gives the data of the application a type', async (t) => {
  const gateway = await startFakeGateway(t)
  const chat: Chat<{ colour: string }> = connect<{ colour: string }>({ url: gateway.url, WebSocket })
  t.teardown(() => chat.close())
  const room = chat.room('general')
  const colours: (string | undefined)[] = []
  room.on('message', ({ message }) => colours.push(message.meta?.colour))
  await room.join()
  gateway.connections[0]?.send({ ...message('general', 'm1'), meta: { colour: 'red' } })
  await until(() => colours.length === 1, 30_000, 'the message')
  t.same(colours, [room.messages[0]?.meta?.colour])
  await room.send('hello', { meta: { colour: 'blue' } })
  // @ts-expect-error: it is not a string
  await room.send('hello', { meta: { colour: 1 } })
})

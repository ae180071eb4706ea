import { until } from '@rabble/harness'
import t from 'tap'
import type { Chat } from '../src/index.ts'
import { createStorage, enter, pretendBrowser } from './build.ts'
import { message, refusal } from './fake-gateway.ts'
import { fails, fallBack, start } from './fallen-back.ts'

t.test('a chat whose WebSocket is refused uses Server-Sent Events', async (t) => {
  const { tried, chat } = await fallBack(t)
  t.same(tried(), { websocket: 1, sse: 1, polling: 0 })
  await chat.room('general').send('hello')
})

t.test('a chat whose WebSocket gets no answer uses Server-Sent Events after five seconds', async (t) => {
  const { gateway, clock, tried, connect } = await start(t)
  gateway.webSockets = 'silent'
  const chat = connect()
  await until(() => gateway.attempts === 1, 30_000, 'the attempt')
  await clock.advance(4_999)
  t.match(chat.state, { status: 'connecting' })
  await clock.advance(1)
  await fails(gateway, chat)
  await chat.ready
  t.match(chat.state, { transport: 'sse' })
  t.same(tried(), { websocket: 1, sse: 1, polling: 0 })
})

t.test('a chat whose stream is held back by a proxy polls', async (t) => {
  const { gateway, clock, streams, tried, connect } = await start(t)
  gateway.webSockets = 'refused'
  streams.isBuffered = true
  const chat = connect()
  await fails(gateway, chat)
  await until(() => streams.sessions.length === 1, 30_000, 'the stream')
  await clock.advance(5_000)
  t.match(chat.state, { status: 'waiting', reason: 'no answer in time' })
  await fails(gateway, chat)
  await chat.ready
  t.match(chat.state, { transport: 'polling' })
  t.same(tried(), { websocket: 1, sse: 1, polling: 1 })
})

t.test('while nothing answers, one transport after the other is tried', async (t) => {
  const { gateway, streams, tried, connect } = await start(t)
  gateway.webSockets = 'refused'
  const down = { method: 'GET', status: 502, body: 'down' }
  streams.refusals.push(down, down, down, down)
  const chat = connect()
  const order: string[] = []
  chat.on('state', ({ state }) => state.status === 'waiting' && order.push(JSON.stringify(tried())))
  await fails(gateway, chat, 6)
  t.same(
    order.map((line) => Object.values(JSON.parse(line))),
    [
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
      [2, 1, 1],
      [2, 2, 1],
      [2, 2, 2],
    ],
  )
})

t.test('an answer is no reason for another transport', async (t) => {
  let hellos = 0
  const { gateway, tried, connect } = await start(t, (frame, connection) => {
    if (frame.type !== 'hello') return undefined
    if (++hellos === 1) return refusal(frame, 'unavailable')
    if (hellos > 2) return undefined
    connection.close(1012, 'restarting')
    return null
  })
  const chat = connect()
  await fails(gateway, chat, 2)
  await chat.ready
  t.match(chat.state, { transport: 'websocket' })
  t.same(tried(), { websocket: 3, sse: 0, polling: 0 })
})

t.test('one transport can be pinned', async (t) => {
  const { gateway, tried, connect } = await start(t)
  gateway.webSockets = 'refused'
  const chat = connect({ transports: ['websocket'] })
  await fails(gateway, chat, 4)
  t.same(tried(), { websocket: 5, sse: 0, polling: 0 })
  const polling = connect({ transports: ['polling'] })
  await polling.ready
  t.match(polling.state, { transport: 'polling' })
})

t.test('the transport that worked last is the first one after a reload', async (t) => {
  const storage = createStorage()
  const { gateway, chat, connect, tried } = await fallBack(t, { storage })
  t.equal(storage.items.get('rabble.transport'), '"sse"')
  chat.close()
  const after = connect({ storage })
  await after.ready
  t.match(after.state, { transport: 'sse' })
  t.same(tried(), { websocket: 1, sse: 2, polling: 0 })
  after.close()
  for (const odd of ['"pigeon"', '{', '7']) {
    gateway.webSockets = 'open'
    storage.setItem('rabble.transport', odd)
    const chat = connect({ storage })
    await chat.ready
    t.match(chat.state, { transport: 'websocket' })
    chat.close()
  }
})

t.test('a WebSocket that has worked gets a second attempt', async (t) => {
  const storage = createStorage()
  const { gateway, connect, tried } = await start(t)
  const first = connect({ storage })
  await first.ready
  first.close()
  gateway.webSockets = 'refused'
  const chat = connect({ storage })
  await fails(gateway, chat, 2)
  await chat.ready
  t.match(chat.state, { transport: 'sse' })
  t.same(tried(), { websocket: 3, sse: 1, polling: 0 })
})

t.test('an offline browser stays with its transport', async (t) => {
  const browser = pretendBrowser(t)
  const { gateway, connect, tried } = await start(t)
  browser.onLine = false
  gateway.webSockets = 'refused'
  const chat = connect()
  await fails(gateway, chat, 2)
  await until(() => chat.status === 'waiting', 30_000, 'a failed attempt')
  t.same(tried(), { websocket: 3, sse: 0, polling: 0 })
  gateway.webSockets = 'open'
  browser.onLine = true
  browser.dispatch('online')
  await chat.ready
  t.match(chat.state, { transport: 'websocket' })
})

t.test('at most three tabs hold a response open, the others poll', async (t) => {
  pretendBrowser(t)
  const { clock, streams, connect } = await start(t)
  const tabs: Chat[] = []
  for (let tab = 0; tab < 4; tab++) {
    const chat = connect({ transports: [tab === 1 ? 'polling' : 'sse'] })
    await chat.ready
    tabs.push(chat)
  }
  const polls = () => streams.of('GET').filter(({ last }) => last?.startsWith('key-3'))
  t.same(
    streams.of('GET').flatMap(({ url, last }) => (last === undefined ? [url] : [])),
    ['/sse', '/poll', '/sse', '/poll?wait=0'],
  )
  // The answer to hello was worth a short wait.
  t.match(polls()[0], { url: '/poll?wait=1000' })
  const before = polls().length
  for (let count = 1; count < 4; count++) {
    await until(() => clock.pending === 5, 30_000, 'the pause')
    await clock.advance(2_000)
    await until(() => polls().length === before + count, 30_000, 'the next request')
    t.match(polls().at(-1), { url: '/poll?wait=0' })
  }
  const room = tabs[3] && enter(tabs[3], 'general')
  await room?.send('hello')
  t.match(polls().at(-1), { url: '/poll?wait=1000' }, 'an answer comes without such a pause')
  await until(() => clock.pending === 5, 30_000, 'the pause')

  const fifth = connect({ transports: ['sse'] })
  await fifth.ready
  await until(() => clock.pending === 7, 30_000, 'the pause of another tab')
  fifth.close()
  t.equal(clock.pending, 5)
  tabs[0]?.close()
  await until(() => streams.sessions[0]?.code === 1000, 30_000, 'the end of one')
  await clock.advance(2_000)
  await until(() => polls().at(-1)?.url === '/poll', 30_000, 'a request that waits')
  streams.sessions[3]?.send(message('general', 'm1'))
  await until(() => room?.messages.length === 1, 30_000, 'the message')
})

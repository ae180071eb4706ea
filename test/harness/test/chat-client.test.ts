import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { MessageEvent } from '@rabble/contract'
import t from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { assertNothingLeft, connectChat, type TestContext } from '../src/index.ts'

assertNothingLeft(t)

const message = (room: string, id: string): MessageEvent => {
  const from = { id: 'eve', name: 'Eve' }
  return { type: 'message', room, id, from, text: id, at: '2026-11-22T10:00:00.000Z', via: 'fixture' }
}

/** Starts a minimal gateway: it replies to all requests, and sends a message after each join. */
async function startFixture(
  t: TestContext,
): Promise<{ url: string; sockets: WebSocket[]; origins: unknown[] }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/ws' })
  await once(server, 'listening')
  const sockets: WebSocket[] = []
  const origins: unknown[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.terminate()
    return new Promise((resolve) => server.close(resolve))
  })
  server.on('connection', (socket, request) => {
    sockets.push(socket)
    origins.push(request.headers.origin)
    socket.on('message', (data, binary) => {
      if (binary) return socket.close(1008, 'text only')
      const frame = JSON.parse(String(data)) as { type: string; ref?: number; room?: string; name?: string }
      const { ref, room = '' } = frame
      const reply = (fields: object) => socket.send(JSON.stringify({ ref, ...fields }))
      if (frame.type === 'hello' && frame.name === 'taken') {
        reply({ type: 'error', code: 'name-taken', message: 'somebody else has it', retryAfter: 50 })
      } else if (frame.type === 'hello') {
        reply({ type: 'welcome', user: { id: 'u1', name: frame.name } })
      } else if (frame.type === 'join') {
        reply({ type: 'joined', room, events: [message(room, 'm1')], complete: true, count: 1 })
        socket.send(JSON.stringify(message(room, 'm2')))
      } else if (frame.type === 'send') {
        reply({ type: 'sent', id: 'm3' })
      }
    })
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, sockets, origins }
}

t.test('says hello, joins and sends', async (t) => {
  const { url, origins } = await startFixture(t)
  const chat = await connectChat(t, url, { name: 'Ada', origin: 'http://elsewhere' })
  t.same(chat.user, { id: 'u1', name: 'Ada' })
  t.same(origins, ['http://elsewhere'])
  const joined = await chat.join('general')
  t.equal(joined.complete, true)
  await chat.waitFor((frame) => frame.type === 'message' && frame.id === 'm2')
  const ids = chat.messages('general').map(({ id }) => id)
  t.same(ids, ['m1', 'm2'], 'replayed and live messages, in order')
  t.equal((await chat.send('general', 'hi', { cid: 'c1' })).id, 'm3')
  t.same(
    chat.frames.map(({ type }) => type),
    ['welcome', 'joined', 'message', 'sent'],
  )
})

t.test('an error is thrown with its code', async (t) => {
  const { url } = await startFixture(t)
  await t.rejects(connectChat(t, url, { name: 'taken' }), { code: 'name-taken', retryAfter: 50 })
})

t.test('a request fails when no reply comes, or the connection goes', async (t) => {
  const { url, sockets } = await startFixture(t)
  const hasty = await connectChat(t, url, { hello: false, timeout: 100 })
  await t.rejects(hasty.request({ type: 'ping' }), { code: 'timeout' })
  const chat = await connectChat(t, url, { hello: false })
  const waiting = chat.request({ type: 'ping' })
  sockets[1]?.close(1012, 'restart')
  await t.rejects(waiting, { code: 'closed' })
  t.same(await chat.closed, { code: 1012, reason: 'restart' })
  await t.rejects(chat.request({ type: 'ping' }), { code: 'closed' })
})

t.test('sends anything raw, and learns why it was closed', async (t) => {
  const { url } = await startFixture(t)
  const chat = await connectChat(t, url, { hello: false })
  chat.raw(Buffer.from([1, 2, 3]))
  t.same(await chat.closed, { code: 1008, reason: 'text only' })
})

t.test('reads nothing while it is paused', async (t) => {
  const { url, sockets } = await startFixture(t)
  const chat = await connectChat(t, url)
  chat.pause()
  const socket = sockets[0]
  for (let i = 0; i < 40; i++)
    socket?.send('x'.repeat(256 * 1024).replace(/^x+$/, (x) => JSON.stringify({ type: x })))
  await t.rejects(
    chat.waitFor((frame) => frame.type !== 'welcome', 200),
    /in vain/,
  )
  t.ok((socket?.bufferedAmount ?? 0) > 0, 'the server is stuck with it')
  chat.resume()
  await chat.waitFor(() => chat.frames.length === 41)
})

t.test('some hundred of them at once', async (t) => {
  const { url } = await startFixture(t)
  const chats = await Promise.all(Array.from({ length: 300 }, () => connectChat(t, url)))
  await Promise.all(chats.map((chat) => chat.join('general')))
  await Promise.all(chats.map((chat) => chat.close()))
  t.pass()
})

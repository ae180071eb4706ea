import { once } from 'node:events'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { WebSocket } from 'ws'
import { build, secret } from './build.ts'

t.test('a token says who it is; without a valid one nobody gets in where tokens are asked for', async (t) => {
  const { ws, tokens } = await build(t, { auth: 'jwt' })
  const token = await tokens.sign({ id: 'ada', name: 'Ada' }, 600)
  const ada = await connectChat(t, ws, { token })
  t.match(ada.frames[0], { user: { id: 'ada', name: 'Ada' } })
  const stranger = await connectChat(t, ws, { hello: false })
  await t.rejects(stranger.request({ type: 'hello', name: 'Ada' }), { code: 'unauthorized' })
  const forged = await createTokens(`${secret}!`).sign({ id: 'ada', name: 'Ada' }, 600)
  await t.rejects(stranger.request({ type: 'hello', token: forged }), { code: 'unauthorized' })
  await t.rejects(
    stranger.request({ type: 'hello', token: await tokens.sign({ id: 'ada', name: 'Ada' }, -1) }),
    {
      code: 'unauthorized',
      message: /the token has expired: it ended at /,
    },
  )
  t.match(
    await stranger.request({ type: 'hello', token: await tokens.sign({ id: 'bob', name: 'Bob' }, 600) }),
    {
      user: { id: 'bob' },
    },
  )
})

t.test('a session ends when its token does', async (t) => {
  const clock = createManualClock()
  const { ws, tokens } = await build(t, { clock })
  const ada = await connectChat(t, ws, { token: await tokens.sign({ id: 'ada', name: 'Ada' }, 600) })
  clock.jump(601_000)
  await clock.advance(1_000)
  t.match(await ada.closed, { code: 4401, reason: 'the token has expired' })
})

t.test('who does not say hello in time is closed with 4408, and may come back', async (t) => {
  const clock = createManualClock()
  const { ws } = await build(t, { clock, helloTimeout: 10_000 })
  const client = await connectChat(t, ws, { hello: false })
  await clock.advance(11_000)
  t.match(await client.closed, { code: 4408, reason: 'no hello in time' })
})

t.test('an oversized frame closes with 1009', async (t) => {
  const { ws, metric } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  ada.raw(JSON.stringify({ type: 'ping', filler: 'x'.repeat(66_000) }))
  t.match(await ada.closed, { code: 1009 })
  t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'tooLarge' }), 1)
  t.equal(await metric('rabble_gateway_connections'), 0)
})

t.test('a text frame that is not valid UTF-8 closes with 1007', async (t) => {
  const { ws, metric } = await build(t)
  const socket = new WebSocket(ws)
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  socket.send(Buffer.from([0x7b, 0xff, 0x7d]), { binary: false })
  const [code] = await once(socket, 'close')
  t.equal(code, 1007)
  t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'notText' }), 1)
})

t.test('a page of another origin is closed with 1008, its own and listed ones are welcome', async (t) => {
  const { ws, http } = await build(t, { allowedOrigins: new Set(['https://chat.example']) })
  const evil = await connectChat(t, ws, { hello: false, origin: 'https://evil.example' })
  t.match(await evil.closed, { code: 1008, reason: 'this origin is not allowed' })
  await connectChat(t, ws, { name: 'Ada', origin: 'https://chat.example' })
  await connectChat(t, ws, { name: 'Bob', origin: http })
})

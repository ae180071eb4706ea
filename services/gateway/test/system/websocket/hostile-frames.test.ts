import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { build, type TestGateway } from '../../build.ts'
import { clientFrame, opcodes } from '../../transports/websocket/client-frame.ts'

const { text, continuation, ping, pong } = opcodes

/** Connects a client that writes raw bytes after the handshake. The gateway must not wait for a hello. */
async function connectRaw(t: Test, { ws, server }: TestGateway) {
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = new WebSocket(ws)
  t.teardown(() => client.terminate())
  const socket = await new Promise<Socket>((resolve) => {
    client.once('upgrade', ({ socket }) => resolve(socket))
  })
  if (client.readyState !== client.OPEN) await once(client, 'open')
  const [there] = await accepted
  return {
    /** Returns the replies to the frames that are sent. */
    frames: () => client,
    write: (bytes: Buffer) => void socket.write(bytes),
    closed: once(client, 'close').then(([code, reason]) => ({ code, reason: String(reason) })),
    /** Returns the number of bytes that the gateway has read. */
    read: () => there.bytesRead,
    /** Writes bytes, and waits until the gateway has read them, so that they arrive as one piece. */
    async writeAlone(bytes: Buffer) {
      const before = there.bytesRead
      socket.write(bytes)
      await until(
        () => there.bytesRead >= before + bytes.length || there.destroyed,
        30_000,
        'the bytes to be read',
      )
    },
  }
}

t.test('control frames between the fragments of a message are few, or the client is cut off', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock })
  const client = await connectRaw(t, gateway)
  const filling = Buffer.concat(Array(400).fill(clientFrame(pong, 'x'.repeat(125))))
  client.write(clientFrame(text, ' ', { fin: false }))
  // Each fragment would keep 50 kB in memory: a gigabyte until the message has its maximum size.
  for (let n = 0; n < 100; n++) {
    client.write(Buffer.concat([filling, clientFrame(continuation, ' ', { fin: false })]))
  }
  const closed = () => gateway.metric('rabble_gateway_disconnections_total', { reason: 'policy' })
  await until(async () => (await closed()) === 1, 60_000, 'the end')
  t.ok(client.read() < 20 * filling.length, `${client.read()} bytes were read`)
  // Its answer is not read either.
  await clock.advance(2_000)
  t.match(await client.closed, { code: 1008, reason: 'too many control frames' })
})

t.test('a message may be cut, and answered pings between its fragments do no harm', async (t) => {
  const gateway = await build(t)
  const client = await connectRaw(t, gateway)
  const answered = once(client.frames(), 'message')
  const frame = '{"type":"hello","name":"Ada"}'
  client.write(clientFrame(text, frame.slice(0, 5), { fin: false }))
  for (const character of frame.slice(5)) {
    client.write(clientFrame(continuation, character, { fin: false }))
    client.write(clientFrame(ping))
  }
  client.write(clientFrame(continuation))
  t.match(JSON.parse(String((await answered)[0])), { type: 'welcome', user: { name: 'Ada' } })
})

t.test('a message in too many fragments, or in too many pieces, closes with 1008', async (t) => {
  // For frames of this size and smaller ones.
  const gateway = await build(t, { limits: { frameBytes: 16 * 1024 } })
  const cut = await connectRaw(t, gateway)
  cut.write(clientFrame(text, ' ', { fin: false }))
  for (let n = 0; n < 64; n++) cut.write(clientFrame(continuation, ' ', { fin: false }))
  t.match(await cut.closed, { code: 1008 })
  const dripping = await connectRaw(t, gateway)
  const bytes = clientFrame(text, ' '.repeat(1_000))
  for (let n = 0; n < 80; n++) await dripping.writeAlone(bytes.subarray(n, n + 1))
  t.match(await dripping.closed, { code: 1008 })
  t.equal(await gateway.metric('rabble_gateway_disconnections_total', { reason: 'policy' }), 2)
})

t.test('a message that is not finished within a heartbeat closes with 1013', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, heartbeat: 4_000 })
  const slow = await connectRaw(t, gateway)
  await slow.writeAlone(clientFrame(text, '{"type":', { fin: false }))
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  for (let seconds = 1; seconds <= 4; seconds++) {
    await clock.advance(1_000)
    await slow.writeAlone(clientFrame(ping))
    await ada.request({ type: 'ping' })
  }
  t.equal(await gateway.metric('rabble_gateway_disconnections_total'), 0)
  await clock.advance(1_000)
  t.match(await slow.closed, { code: 1013, reason: /not finished in time/ })
  await ada.request({ type: 'ping' })
})

import { request as httpRequest } from 'node:http'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build } from '../../build.ts'
import { ask } from '../../transports/event-stream/streams.ts'
import { clientFrame, opcodes } from '../../transports/websocket/client-frame.ts'
import {
  connections,
  connectRaw,
  disconnections,
  enter,
  enterRaw,
  handshake,
  poll,
  push,
  query,
} from './raw-client.ts'

t.test('wrong packets end the connection that sent them, and no other', async (t) => {
  const gateway = await build(t)
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  const wrong = ['9', 'x', '4', '49', '4abc', '42{}', '42[]', '42["connect"]', '420"x"', '43["x"]', '2']
  for (const eio of [4, 3]) {
    for (const packet of wrong) {
      if (eio === 3 && packet === '2') continue
      const { socket, closed } = await enterRaw(t, gateway, eio)
      socket.send(packet)
      // An acknowledgement that nobody waits for does no harm.
      if (packet === '43["x"]') socket.send('9')
      t.ok((await closed) > 0, `${eio}: ${packet}`)
    }
  }
  for (const packets of [['9'], ['40', '42{}'], ['b4AAAA'], ['\u001e']]) {
    const sid = await handshake(gateway.http)
    await push(gateway.http, sid, ...packets)
    await until(async () => (await poll(gateway.http, sid)).status === 400, 60_000, packets.join(' '))
  }
  await until(async () => (await connections(gateway)) === 1, 60_000, 'the ends')
  await ada.request({ type: 'ping' })
})

t.test('binary data ends the connection before anything of it is kept', async (t) => {
  const gateway = await build(t)
  for (const packet of ['452-["message",{"_placeholder":true,"num":0}]', '462-1[]', Buffer.alloc(1_000)]) {
    const { socket, closed, packets } = await enterRaw(t, gateway)
    socket.send(packet)
    t.equal(await closed, 1008)
    t.match(
      packets.at(-2),
      /42\["event",\{"type":"close","code":1008,"reason":"frames are text, not binary"\}\]/,
    )
    t.equal(packets.at(-1), '41', 'its library does not come back')
  }
  t.equal(await disconnections(gateway, 'policy'), 3)
})

t.test(
  'only the namespace / exists, and asking for others again and again ends the connection',
  async (t) => {
    const gateway = await build(t, { clock: createManualClock() })
    const { socket, packets, closed } = await connectRaw(t, gateway)
    socket.send('40/admin,')
    await until(() => packets.length === 2, 60_000, 'the answer')
    t.equal(packets[1], '44/admin,{"message":"Invalid namespace"}')
    for (let n = 0; n < 200; n++) socket.send(`40/n${n},`)
    t.equal(await closed, 1008)
    const long = await connectRaw(t, gateway)
    long.socket.send(`40/${'x'.repeat(100)},`)
    t.equal(await long.closed, 1008)
    t.equal(await disconnections(gateway, 'policy'), 2)
  },
)

t.test('acknowledgements without end are bounded as frames are', async (t) => {
  const gateway = await build(t, { clock: createManualClock() })
  const { socket, packets, closed } = await enterRaw(t, gateway)
  socket.send(`42${'9'.repeat(40)}["typing","general"]`)
  socket.send(`42${'9'.repeat(40)}["nonsense"]`)
  const error = () => packets.find((one) => one.startsWith('42["event",{"type":"error"'))
  await until(() => error() !== undefined, 60_000, 'an answer without the id, which is no number')
  for (let n = 0; n < 2_000; n++) socket.send(`42${n}["nonsense"]`)
  t.equal(await closed, 1008)
  t.match(packets.at(-2), /too many refused frames/)
  const acknowledged = await enterRaw(t, gateway)
  for (let n = 0; n < 200; n++) acknowledged.socket.send(`43${n}["never asked"]`)
  t.equal(await acknowledged.closed, 1008)
})

t.test('what is nested too deep, too large or too much is refused', async (t) => {
  const gateway = await build(t)
  const deep = `${'['.repeat(25_000)}${']'.repeat(25_000)}`
  const nested = await enterRaw(t, gateway)
  nested.socket.send(`427["send",{"room":"general","text":"x","meta":{"a":${deep}}}]`)
  const answered = () => nested.packets.some((one) => /^437\[\{"error":.*(bad-frame|too-large)/.test(one))
  await until(answered, 60_000, 'the refusal')
  nested.socket.send(`42["message","${'x'.repeat(66_000)}"]`)
  t.equal(await nested.closed, 1009)
  t.equal(await disconnections(gateway, 'tooLarge'), 1)
  const sid = await handshake(gateway.http)
  t.equal(
    (await push(gateway.http, sid, `4${'x'.repeat(66_000)}`).catch(() => ({ status: 413 }))).status,
    413,
  )
  await until(async () => (await disconnections(gateway, 'tooLarge')) === 2, 60_000, 'the end')
  const greedy = await connectRaw(t, gateway)
  greedy.socket.send('40{"name":"Ada"}')
  greedy.socket.send('40{"name":"Bob"}')
  await until(() => greedy.packets.some((one) => one.startsWith('44{')), 60_000, 'a refusal')
  t.match(
    greedy.packets.find((one) => one.startsWith('44{')),
    /connecting already/,
  )
})

t.test('requests of a polling session wait while it reads nothing', async (t) => {
  const gateway = await build(t)
  const bob = await connectChat(t, gateway.ws, { name: 'Bob' })
  await bob.join('tea')
  const sid = await enter(gateway.http)
  await push(gateway.http, sid, '42["join","tea"]')
  // More than the queue of commands takes, while each waits for the one before.
  for (let n = 0; n < 20; n++) {
    const packets = Array.from({ length: 10 }, (_, m) => `42["send","tea","${n}.${m}"]`)
    await push(gateway.http, sid, ...packets)
  }
  await until(() => bob.messages('tea').length === 200, 60_000, 'all messages')
  t.strictSame(
    bob.messages('tea').map(({ text }) => text),
    Array.from({ length: 200 }, (_, n) => `${Math.floor(n / 10)}.${n % 10}`),
  )
})

t.test('a body that does not come is given up, and a poll that overlaps ends the session', async (t) => {
  const gateway = await build(t, { heartbeat: 1_000 })
  const sid = await handshake(gateway.http)
  const slow = httpRequest(`${gateway.http}/socket.io/?${query}&sid=${sid}`, { method: 'POST', agent: false })
  slow.on('error', () => {})
  slow.write('4')
  await until(async () => (await connections(gateway)) === 0, 60_000, 'the end')
  const other = await handshake(gateway.http)
  const [first, second] = await Promise.all([poll(gateway.http, other), poll(gateway.http, other)])
  t.ok(first.status === 400 || second.status === 400)
})

t.test('pings without end, of either protocol, end the connection', async (t) => {
  const gateway = await build(t, { clock: createManualClock() })
  const old = await enterRaw(t, gateway, 3)
  for (let n = 0; n < 200; n++) old.socket.send('2')
  t.equal(await old.closed, 1008)
  const other = await enterRaw(t, gateway)
  for (let n = 0; n < 200; n++) other.socket.ping()
  // The library of WebSockets has a limit too, which drops the connection.
  t.match(String(await other.closed), /1008|1006/)
})

t.test('a message that is not finished within a heartbeat ends the connection', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, heartbeat: 4_000 })
  const { socket, closed, packets } = await enterRaw(t, gateway)
  const { _socket: tcp } = socket as unknown as { _socket: { write(bytes: Buffer): void } }
  tcp.write(clientFrame(opcodes.text, '42["mess', { fin: false }))
  for (let seconds = 1; seconds <= 6; seconds++) {
    tcp.write(clientFrame(opcodes.ping))
    await until(async () => (await ask('GET', `${gateway.http}/metrics`)).status === 200, 60_000, 'an answer')
    await clock.advance(1_000)
  }
  t.equal(await closed, 1013)
  t.match(packets.at(-1), /not finished in time/)
})

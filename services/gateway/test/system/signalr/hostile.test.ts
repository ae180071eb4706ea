import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { encode } from '@msgpack/msgpack'
import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { readHandshake } from '../../../src/transports/signalr/hub-protocol.ts'
import { build } from '../../build.ts'
import { pass } from '../../time.ts'
import { ask } from '../../transports/event-stream/streams.ts'
import { watchUnsent } from '../../unsent.ts'
import { connectHub } from './hub-connection.ts'
import { connections, end, handshake, negotiate, openRaw, packed } from './raw-hub.ts'

t.test('a client without a handshake is closed in time', async (t) => {
  const clock = createManualClock()
  const gateway = await build(t, { clock, helloTimeout: 5_000 })
  const { texts, closed } = await openRaw(t, gateway)
  await pass(clock, 1_000, () => texts.length > 0, 'the end')
  t.same(texts, [`{"error":"no hello in time"}${end}`])
  t.match(await closed, { code: 4408 })
})

t.test('wrong handshakes are answered with the reason', async (t) => {
  const gateway = await build(t)
  for (const [first, error] of [
    [`${end}`, /must be a handshake/],
    [`null${end}`, /must be a handshake/],
    ['{"protocol":"json","version":1}', /must be a whole handshake/],
    [handshake('xml'), /The protocol 'xml' is not supported/],
    [handshake('json', 3), /does not support version 3 of the 'json' protocol/],
    [handshake('x'.repeat(10_000)), /is not supported/],
    [`{"type":1,"target":"SendMessage","arguments":["x"]}${end}`, /must be a handshake/],
  ] as const) {
    const { texts, closed } = await openRaw(t, gateway, first)
    t.match(await closed, { code: 1008 })
    t.match(JSON.parse(texts[0]?.slice(0, -1) ?? ''), { error })
  }
  t.match(readHandshake(Buffer.from(handshake('messagepack')), false), { error: /'Binary' transfer format/ })
  t.equal(await connections(gateway), 0)
})

t.test('messages that break the rules of JSON end the connection, and nobody else notices', async (t) => {
  const gateway = await build(t)
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  const call = (fields: object) =>
    `${JSON.stringify({ type: 1, target: 'SendMessage', arguments: ['x'], ...fields })}`
  for (const [what, data] of [
    ['no record separator', call({})],
    ['half a message', `${call({})}${end}${call({}).slice(0, 10)}`],
    ['no JSON', `x${end}`],
    ['null', `null${end}`],
    ['no type', `{}${end}`],
    ['an empty record', end],
    ['no arguments', `${call({ arguments: undefined })}${end}`],
    ['arguments that are no list', `${call({ arguments: 'x' })}${end}`],
    ['no target', `${call({ target: '' })}${end}`],
    ['a long id of a call', `${call({ invocationId: 'x'.repeat(129) })}${end}`],
    ['an id that is no text', `${call({ invocationId: 7 })}${end}`],
    ['a stream without an id', `${call({ type: 4 })}${end}`],
    ['a cancellation without an id', `{"type":5}${end}`],
  ] as const) {
    const raw = await openRaw(t, gateway, handshake())
    await until(() => raw.texts.length > 0, 60_000, 'the handshake')
    raw.socket.send(data, { binary: false })
    t.match(await raw.closed, { code: 1008 }, what)
    t.match(raw.texts.at(-1), /"type":7,.*rules of the hub protocol/, what)
  }
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  const raw = await openRaw(
    t,
    gateway,
    handshake(),
    `{"type":1,"invocationId":"1","target":"SendMessage","arguments":[${deep}]}${end}{"type":99}${end}`,
  )
  await until(() => raw.texts.length > 1, 60_000, 'the answer')
  t.match(raw.texts[1], /Failed to invoke 'SendMessage'/)
  t.match(await ada.request({ type: 'ping' }), { type: 'pong' })
})

t.test('messages that break the rules of MessagePack end the connection', async (t) => {
  const gateway = await build(t)
  const call = [1, {}, '1', 'SendMessage', ['x']]
  for (const [what, data] of [
    ['text', `{"type":6}${end}`],
    ['an announced length of 2 GB', packed(encode(call), 2 ** 31 - 1)],
    ['a length that does not fit', packed(encode(call), 2 ** 34)],
    ['a length without an end', Buffer.alloc(5, 0xff)],
    ['no length at all', Buffer.from([0x80])],
    ['an empty message', Buffer.from([0])],
    ['half a message', packed(encode(call)).subarray(0, 5)],
    ['a list of 4 billion entries', packed(Buffer.from('9501' + '80a131' + 'a178' + 'ddffffffff', 'hex'))],
    ['a map of 4 billion entries', packed(Buffer.from('9501' + 'dfffffffff', 'hex'))],
    ['a text of 4 billion bytes', packed(Buffer.from('950180' + 'dbffffffff', 'hex'))],
    ['a list of a million entries', packed(Buffer.from('9501' + '80a131' + 'a178' + 'dd00100000', 'hex'))],
    ['no list', packed(encode({ type: 1 }))],
    [
      'a map with __proto__',
      packed(Buffer.concat([Buffer.from([0x95, 1, 0x81]), encode('__proto__'), encode(1)])),
    ],
    ['a call that is too short', packed(encode([1, {}, '1']))],
    ['arguments that are no list', packed(encode([1, {}, '1', 'SendMessage', 'x']))],
    ['a target that is a number', packed(encode([1, {}, '1', 7, []]))],
    ['a stream without an id', packed(encode([4, {}, null, 'Stream', ['x']]))],
  ] as const) {
    const raw = await openRaw(t, gateway, handshake('messagepack'), data)
    t.match(await raw.closed, { code: 1008 }, what)
    t.same(raw.texts, [], 'all is binary')
  }
  const nested = Buffer.concat([
    Buffer.from([0x95, 1, 0x80, 0xa1, 0x31]),
    encode('SendMessage'),
    Buffer.alloc(40_000, 0x91),
    Buffer.from([0xc0]),
  ])
  const raw = await openRaw(t, gateway, handshake('messagepack'), packed(nested))
  await until(() => raw.bytes.length > 1, 60_000, 'the answer')
  t.match(String(raw.bytes[1]), /Failed to invoke 'SendMessage'/, 'depth does no harm')
})

t.test('a message over the limit closes, many small ones at once do not', async (t) => {
  const gateway = await build(t, { limits: { frameBytes: 16_000 } })
  const large = JSON.stringify({ type: 1, target: 'SendMessage', arguments: ['x'.repeat(16_000)] })
  const one = await openRaw(t, gateway, handshake(), `${large}${end}`)
  t.match(await one.closed, { code: 1009 })
  t.match(one.texts.at(-1), /has at most 16000 bytes/)
  const huge = await openRaw(t, gateway, handshake(), 'x'.repeat(9 * 16_000))
  t.match(await huge.closed, { code: 1009 })
  const many = Array.from(
    { length: 100 },
    (_, n) =>
      `${JSON.stringify({ type: 1, invocationId: `${n}`, target: 'SendMessage', arguments: ['x'.repeat(1_000)] })}${end}`,
  )
  const { texts } = await openRaw(t, gateway, handshake(), many.join(''))
  const completions = () => texts.join('').match(/"type":3/g)?.length
  await until(() => completions() === 100, 60_000, 'all answers')
})

t.test('a flood of pings, cancellations or wrong calls is cut off', async (t) => {
  const gateway = await build(t, { clock: createManualClock() })
  for (const [message, reason] of [
    ['{"type":6}', 'too many control frames'],
    ['{"type":8,"sequenceId":1}', 'too many control frames'],
    ['{"type":99}', 'too many control frames'],
    ['{"type":5,"invocationId":"1"}', 'too many control frames'],
    ['{"type":1,"target":"Nothing","arguments":[]}', 'too many refused frames'],
  ] as const) {
    const raw = await openRaw(t, gateway, handshake())
    await until(() => raw.texts.length > 0, 60_000, 'the handshake')
    for (let n = 0; n < 5; n++) raw.socket.send(`${message}${end}`.repeat(300))
    t.match(await raw.closed, { code: 1008, reason })
  }
  t.equal(await connections(gateway), 0)
})

t.test('calls that wait for a name are carried out after it, in their order', async (t) => {
  const gateway = await build(t)
  const calls = Array.from({ length: 200 }, (_, n) => {
    const args = n % 50 === 0 ? [`Ada ${n}`, `${n}`] : [`${n}`]
    return `${JSON.stringify({ type: 1, target: 'SendMessage', arguments: args })}${end}`
  })
  const { texts } = await openRaw(t, gateway, `${handshake()}${calls.join('')}`)
  const heard = () =>
    texts
      .join('')
      .split(end)
      .filter((text) => text.includes('ReceiveMessage'))
      .map((text) => JSON.parse(text).arguments.slice(0, 2))
  await until(() => heard().length === 200, 60_000, 'all messages')
  t.same(
    heard(),
    Array.from({ length: 200 }, (_, n) => [`Ada ${n - (n % 50)}`, `${n}`]),
    'none is missing, none comes twice, each has its name',
  )
})

t.test('a stream says that something is missing', async (t) => {
  const gateway = await build(t)
  const { hub } = await connectHub(t, gateway)
  await hub.invoke('SendMessage', 'there is something')
  const items: string[] = []
  hub.stream('Stream', 'general', 'unknown').subscribe({
    next: (item) => items.push(item),
    error() {},
    complete() {},
  })
  await until(() => items.length === 2, 60_000, 'both')
  t.match(
    items.map((item) => JSON.parse(item)),
    [{ type: 'gap', room: 'general' }, { type: 'message' }],
  )
})

t.test('a client that reads nothing is closed, over requests too', async (t) => {
  for (const accept of ['text/event-stream', '*/*']) {
    const unsentBytes = 128 * 1024
    const gateway = await build(t, { clock: createManualClock(), limits: { unsentBytes } })
    const unsent = watchUnsent(gateway)
    const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
    await ada.join('general')
    const { connectionToken: key } = await negotiate(gateway)
    const url = `${gateway.http}/chathub?id=${key}`
    const stream = request(url, { headers: { accept }, agent: false }).end()
    stream.on('error', () => {})
    t.teardown(() => stream.destroy())
    const [response] = (await once(stream, 'response')) as [IncomingMessage]
    response.on('error', () => {})
    // A poll is answered at once. After it, nobody polls any more.
    if (accept === '*/*') response.resume()
    t.equal((await ask('POST', url, {}, handshake())).status, 200)
    const text = '€'.repeat(4000)
    const closed = () => gateway.metric('rabble_gateway_disconnections_total', { reason: 'tooSlow' })
    for (let sent = 0; (await closed()) === 0 && sent < 2_000; sent += 20) {
      await Promise.all(Array.from({ length: 20 }, () => ada.send('general', text)))
      unsent.look()
    }
    t.equal(await closed(), 1)
    t.ok(unsent.most <= unsentBytes + 20 * 13_000, `${unsent.most} bytes at most`)
    t.match(await ada.request({ type: 'ping' }), { type: 'pong' })
  }
})

t.test('streams are bounded, and one that is cancelled at once leaves its room', async (t) => {
  const gateway = await build(t, { limits: { roomsPerSession: 5 } })
  const { hub } = await connectHub(t, gateway)
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  await ada.join('music')
  const errors: string[] = []
  const read = (room: string) =>
    hub.stream('Stream', room).subscribe({
      next() {},
      error: ({ message }) => errors.push(message),
      complete() {},
    })
  read('music').dispose()
  await hub.invoke('SendMessage', 'after it')
  t.equal((await ada.request({ type: 'members', room: 'music' })).count, 1)
  for (let n = 0; n < 6; n++) read('general')
  await until(() => errors.length > 0, 60_000, 'the refusal')
  t.match(errors, [/may have 5 streams/])
})

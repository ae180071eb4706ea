import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { type ChatClient, connectChat, createRandom, until } from '@rabble/harness'
import t from 'tap'
import { build } from '../../build.ts'
import { clientFrame, opcodes } from '../../transports/websocket/client-frame.ts'
import { openRaw } from './raw-socket.ts'

const { text, continuation, ping } = opcodes
const finishFlush = constants.Z_SYNC_FLUSH
const own = 'permessage-deflate; client_no_context_takeover'

/** Compresses a message as a client does (RFC 7692, section 7.2.1). */
const deflated = (message: string | Buffer) => deflateRawSync(message, { finishFlush }).subarray(0, -4)
const inflated = (payload: Buffer) => JSON.parse(inflateRawSync(payload, { finishFlush }).toString())
const hello = '{"type":"hello","name":"Ada"}'

t.test('members get the same events in the same order, with and without compression', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const gateway = await build(t)
  const rooms = ['general', 'random', 'quiet']
  const writers = await Promise.all(
    [true, false].map((compressed) =>
      connectChat(t, gateway.ws, { name: `Writer ${compressed}`, compressed }),
    ),
  )
  const readers = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      connectChat(t, gateway.ws, { name: `Reader ${n}`, compressed: n % 4 !== 0 }),
    ),
  )
  for (const client of writers) await Promise.all(rooms.map((room) => client.join(room)))
  const words = 'ada bob the of message room 中文 é gateway and 👍🏽 without again'.split(' ')
  const said = () => Array.from({ length: 1 + below(60) }, () => words[below(words.length)]).join(' ')
  const pick = <T>(list: readonly T[]) => list[below(list.length)] as T
  for (let n = 0; n < 150; n++) {
    const doing: Promise<unknown>[] = []
    const writer = pick(writers)
    for (let times = below(6); times >= 0; times--) doing.push(writer.send(pick(rooms), said()))
    const reader = pick(readers)
    const room = pick(rooms)
    const last = reader.events(room).at(-1)?.id
    if (below(3) === 0) doing.push(reader.request({ type: 'leave', room }).catch(() => {}))
    else doing.push(reader.join(room, last === undefined ? { recent: 5 } : { after: last }))
    if (below(4) === 0) writer.raw(`{"type":"typing","room":"${room}"}`)
    if (below(4) === 0) doing.push(reader.request({ type: 'ping' }))
    await Promise.all(doing)
  }
  for (const client of [...writers, ...readers]) {
    for (const room of rooms) {
      const last = client.events(room).at(-1)?.id
      if (last !== undefined) await client.join(room, { after: last })
      const known = eventsOf(client, room)
      t.same(known, eventsOf(writers[0], room).slice(-known.length || Number.POSITIVE_INFINITY), room)
    }
  }
})

/** Returns the events of a room that a client knows, each once. A replay may repeat some. */
function eventsOf(client: ChatClient | undefined, room: string): readonly unknown[] {
  return [...new Map(client?.events(room).map((event) => [event.id, event])).values()]
}

t.test('an event refers to those before it, and takes less than half of the bytes', async (t) => {
  const gateway = await build(t)
  const sockets: Socket[] = []
  gateway.server.on('connection', (socket) => sockets.push(socket))
  const clients = [
    await connectChat(t, gateway.ws, { name: 'Ada' }),
    await connectChat(t, gateway.ws, { name: 'Bob', compressed: true }),
  ]
  for (const client of clients) await client.join('general')
  let last = 0
  const random = () => randomBytes(200).toString('base64')
  /** Puts events into the log, all at once. */
  async function say(texts: readonly string[]): Promise<void> {
    const rest = { type: 'message', room: 'general', from: { id: 'cleo', name: 'Cleo' }, via: 'g' }
    const at = '2026-11-30T10:00:00.000Z'
    const lines = texts.map((text) => JSON.stringify({ ...rest, id: `event-${++last}`, at, text }))
    gateway.log.inject(lines.join('\n'))
    for (const client of clients) await client.sees(`event-${last}`)
  }
  /** Returns the bytes for the client with compression, as a share of those for the other one. */
  async function shareOf(work: () => Promise<void>): Promise<number> {
    const before = sockets.map(({ bytesWritten }) => bytesWritten)
    await work()
    const [plain = 0, compressed = 0] = sockets.map(({ bytesWritten }, n) => bytesWritten - (before[n] ?? 0))
    return compressed / plain
  }
  const same = random()
  const oneByOne = await shareOf(async () => {
    for (let n = 0; n < 20; n++) await say([same])
  })
  t.ok(oneByOne < 0.5, `${oneByOne} for the same text again and again`)
  const atOnce = await shareOf(async () => {
    for (let n = 0; n < 10; n++) await say(Array(4).fill(random()))
  })
  t.ok(atOnce < 0.5, `${atOnce} for the same text several times within a turn`)
})

t.test('offers are answered by the rules of RFC 7692', async (t) => {
  const gateway = await build(t)
  const answers: [string, string | undefined][] = [
    ['permessage-deflate', own],
    ['permessage-deflate; client_max_window_bits', own],
    ['permessage-deflate; client_max_window_bits=15', own],
    ['permessage-deflate; client_max_window_bits=8', own],
    ['permessage-deflate; client_no_context_takeover', own],
    // An offer that the gateway can't accept is declined: no error, and no compression.
    ...[8, 9, 10, 11].map((bits): [string, undefined] => [
      `permessage-deflate; server_max_window_bits=${bits}`,
      undefined,
    ]),
    ...[12, 13, 14, 15].map((bits): [string, string] => [
      `permessage-deflate; server_max_window_bits=${bits}`,
      `${own}; server_max_window_bits=12`,
    ]),
    ['permessage-deflate; server_max_window_bits="12"', `${own}; server_max_window_bits=12`],
    ['permessage-deflate; server_no_context_takeover', undefined],
    ['permessage-deflate; server_no_context_takeover, permessage-deflate', own],
    ['permessage-deflate; server_max_window_bits', undefined],
    ['permessage-deflate; server_max_window_bits=7', undefined],
    ['permessage-deflate; server_max_window_bits=012', undefined],
    ['permessage-deflate; client_max_window_bits=16', undefined],
    ['permessage-deflate; client_no_context_takeover=1', undefined],
    ['permessage-deflate; client_max_window_bits=9; client_max_window_bits=10', undefined],
    ['permessage-deflate; constructor', undefined],
    ['x-webkit-deflate-frame', undefined],
    ['x-other, permessage-deflate', own],
    ['permessage-deflate; ;', undefined],
  ]
  for (const [offer, answer] of answers) {
    const { extensions } = await openRaw(t, gateway, offer)
    t.equal(extensions, answer, offer)
  }
  t.equal((await openRaw(t, gateway)).extensions, undefined)
  const off = await build(t, { compression: false })
  t.equal((await openRaw(t, off, 'permessage-deflate')).extensions, undefined)
})

t.test('only events of rooms are compressed, live and replayed: no token is', async (t) => {
  const gateway = await build(t)
  const ada = await connectChat(t, gateway.ws, { name: 'Ada' })
  await ada.join('general')
  const { id: first } = await ada.send('general', 'first')
  const { id: second } = await ada.send('general', 'second')
  const client = await openRaw(t, gateway, 'permessage-deflate')
  const reply = async (frame: object) => {
    client.write(clientFrame(text, JSON.stringify(frame)))
    return client.next()
  }
  const welcome = await reply({ type: 'hello', name: 'Bob' })
  t.equal(welcome.isCompressed, false)
  const joined = await reply({ type: 'join', room: 'general', after: first })
  t.equal(joined.isCompressed, true)
  t.match(inflated(joined.payload), { type: 'joined', complete: true, events: [{ id: second }] })
  const { id: third } = await ada.send('general', 'third')
  let live = await client.next()
  for (; !live.isCompressed; live = await client.next()) {
    t.match(JSON.parse(live.payload.toString()), { type: 'presence', room: 'general' })
  }
  t.match(inflated(live.payload), { type: 'message', id: third })
  for (const frame of [{ type: 'ping' }, { type: 'conversations' }, { type: 'join', room: 'a\u0000' }]) {
    t.equal((await reply(frame)).isCompressed, false)
  }
  const { id } = JSON.parse(welcome.payload.toString()).user
  await ada.sendTo(id, 'a word in private')
  t.equal((await client.next()).isCompressed, false)
})

t.test('a compressed message may be cut, and pings may stand between its fragments', async (t) => {
  const client = await openRaw(t, await build(t), 'permessage-deflate')
  // A stored block, as it is in the message. Its end, alone, could be inflated to nothing.
  const bytes = deflateRawSync(hello, { level: 0, finishFlush }).subarray(0, -4)
  const singles = Array.from(bytes.subarray(0, -2), (byte) => Buffer.from([byte]))
  const fragments = [...singles, bytes.subarray(-2)]
  for (const [n, fragment] of fragments.entries()) {
    const options = { fin: n === fragments.length - 1, compressed: n === 0 }
    client.write(clientFrame(n === 0 ? text : continuation, fragment, options))
    client.write(clientFrame(ping))
  }
  let frame = await client.next()
  for (; frame.opcode !== text; frame = await client.next());
  t.match(JSON.parse(frame.payload.toString()), { type: 'welcome', user: { name: 'Ada' } })
})

t.test(
  'compressed messages of a client are carried out in their order, with others between them',
  async (t) => {
    const client = await openRaw(t, await build(t), 'permessage-deflate')
    client.write(clientFrame(text, deflated(hello), { compressed: true }))
    t.match(JSON.parse((await client.next()).payload.toString()), { type: 'welcome' })
    const frames = Array.from({ length: 40 }, (_, ref) => {
      const json = JSON.stringify({ type: 'ping', ref })
      return ref % 3 === 0 ? clientFrame(text, json) : clientFrame(text, deflated(json), { compressed: true })
    })
    client.write(Buffer.concat(frames))
    const refs: number[] = []
    while (refs.length < 40) refs.push(JSON.parse((await client.next()).payload.toString()).ref)
    t.same(refs, [...Array(40).keys()])
  },
)

t.test('compressed messages that arrive together are published together', async (t) => {
  const gateway = await build(t)
  const client = await openRaw(t, gateway, 'permessage-deflate')
  const frameOf = (frame: object) => clientFrame(text, deflated(JSON.stringify(frame)), { compressed: true })
  client.write(Buffer.concat([frameOf({ type: 'hello', name: 'Ada' }), frameOf({ type: 'join', room: 'a' })]))
  await client.next()
  await client.next()
  const sends = Array.from({ length: 30 }, (_, n) => {
    const send = { type: 'send', room: 'a', text: `${n}` }
    if (n % 3 > 0) return frameOf(send)
    const payload = deflated(JSON.stringify(send))
    const begin = clientFrame(text, payload.subarray(0, 9), { fin: false, compressed: true })
    return Buffer.concat([begin, clientFrame(continuation, payload.subarray(9))])
  })
  client.write(Buffer.concat(sends))
  await until(() => gateway.log.length >= 30, 20_000, 'all to be in the log')
  const batches = gateway.log.kept.flat().length
  t.ok(batches <= 5, `${batches} batches`)
  const events = gateway.log.kept.flat().flatMap(({ batch }) => batch.entries.map(({ event }) => event))
  const texts = events.flatMap((event) => ('text' in event ? [event.text] : []))
  t.same(texts, [...Array(30).keys()].map(String), 'in their order')
})

t.test('of a message that inflates to too much, no more is inflated than what is allowed', async (t) => {
  const frameBytes = 524_288
  const gateway = await build(t, { limits: { frameBytes } })
  // Independent parts, so that this process itself need not have all of it.
  const part = deflateRawSync(Buffer.alloc(1024 * 1024, ' '), {
    finishFlush: constants.Z_FULL_FLUSH,
    level: 9,
  })
  const bomb = Buffer.concat(Array<Buffer>(400).fill(part)).subarray(0, -4)
  t.ok(bomb.length < frameBytes, 'the frame itself is not too large')
  const half = bomb.length / 2
  const whole = clientFrame(text, bomb, { compressed: true })
  const cut = [
    clientFrame(text, bomb.subarray(0, half), { fin: false, compressed: true }),
    clientFrame(continuation, bomb.subarray(half)),
  ]
  for (const frames of [[whole], cut]) {
    const client = await openRaw(t, gateway, 'permessage-deflate')
    const before = process.resourceUsage().maxRSS
    client.write(Buffer.concat(frames))
    t.equal((await client.next()).payload.readUInt16BE(), 1009)
    const grown = process.resourceUsage().maxRSS - before
    t.ok(grown < 200 * 1024, `${grown} KiB more in memory`)
  }
})

t.test('a client whose bytes inflate to many times as much, again and again, is closed', async (t) => {
  const gateway = await build(t)
  const client = await openRaw(t, gateway, 'permessage-deflate')
  const refused = () => gateway.metric('rabble_gateway_frames_refused_total')
  const padded = deflated(`{"type":"ping"}${' '.repeat(60_000)}`)
  const frame = clientFrame(text, padded, { compressed: true })
  client.write(Buffer.concat(Array<Buffer>(200).fill(frame)))
  t.equal((await client.next()).payload.readUInt16BE(), 1009)
  const answered = await refused()
  t.ok(answered > 10 && answered < 30, `${answered} were read`)

  const other = await openRaw(t, gateway, 'permessage-deflate')
  const usual = deflated(JSON.stringify({ type: 'ping', ref: '🎉'.repeat(60) }))
  other.write(Buffer.concat(Array<Buffer>(200).fill(clientFrame(text, usual, { compressed: true }))))
  for (let n = 0; n < 200; n++) t.equal((await other.next()).opcode, text)
})

t.test('a client whose bytes inflate to too much is closed, and others notice nothing', async (t) => {
  const gateway = await build(t)
  const ada = await connectChat(t, gateway.ws, { name: 'Ada', compressed: true })
  await ada.join('general')
  const bomber = await openRaw(t, gateway, 'permessage-deflate')
  const bomb = deflated(Buffer.alloc(50_000_000, ' '))
  t.ok(bomb.length < gateway.gateway.limits.frameBytes, 'the frame itself is not too large')
  bomber.write(clientFrame(text, bomb, { compressed: true }))
  const closing = await bomber.next()
  t.equal(closing.payload.readUInt16BE(), 1009)
  const closed = () => gateway.metric('rabble_gateway_disconnections_total', { reason: 'tooLarge' })
  await until(async () => (await closed()) === 1, 60_000, 'the end')
  const { id } = await ada.send('general', 'still here')
  await ada.sees(id)
})

t.test('a client whose bytes are not compressed as they claim is closed with 1007', async (t) => {
  const gateway = await build(t)
  const client = await openRaw(t, gateway, 'permessage-deflate')
  client.write(clientFrame(text, Buffer.from('ffffffff', 'hex'), { compressed: true }))
  t.equal((await client.next()).payload.readUInt16BE(), 1007)
  const closed = () => gateway.metric('rabble_gateway_disconnections_total', { reason: 'notText' })
  await until(async () => (await closed()) === 1, 60_000, 'the end')
  const plain = await openRaw(t, gateway)
  plain.write(clientFrame(text, deflated(hello), { compressed: true }))
  t.equal((await plain.next()).payload.readUInt16BE(), 1002, 'without an agreement')
})

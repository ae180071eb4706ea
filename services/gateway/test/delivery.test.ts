import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build } from './build.ts'
import { createMemoryLog } from './memory-log.ts'

t.test('two gateways hand their clients the same messages in the same order', async (t) => {
  const log = createMemoryLog()
  const gateways = await Promise.all([build(t, { log }), build(t, { log })])
  const clients = await Promise.all(
    gateways.flatMap(({ ws }, g) => [0, 1, 2].map((n) => connectChat(t, ws, { name: `user ${g} ${n}` }))),
  )
  await Promise.all(clients.map((client) => client.join('general')))
  await Promise.all(
    clients.flatMap((client, c) => range(100).map((i) => client.send('general', `${c} ${i}`))),
  )
  const [first, ...others] = await Promise.all(
    clients.map(async (client) => {
      await client.waitFor(() => client.messages('general').length >= 600)
      return client.messages('general').map(({ id }) => id)
    }),
  )
  t.equal(new Set(first).size, 600)
  for (const other of others) t.strictSame(other, first)
})

t.test('the same cid sent over two gateways at once gives one message with one id', async (t) => {
  const log = createMemoryLog()
  const [one, two] = await Promise.all([build(t, { log }), build(t, { log })])
  const a = await connectChat(t, one.ws, { name: 'Ada' })
  const b = await connectChat(t, two.ws, { name: 'Ada' })
  await a.join('general')
  await b.join('general')
  const ids = await Promise.all(
    range(20).flatMap(() => [
      a.send('general', 'hi', { cid: 'same' }),
      b.send('general', 'hi', { cid: 'same' }),
    ]),
  )
  t.equal(new Set(ids.map(({ id }) => id)).size, 1)
  await a.send('general', 'last')
  for (const client of [a, b]) {
    await client.waitFor((frame) => frame.type === 'message' && frame.text === 'last')
    t.strictSame(
      client.messages('general').map(({ text }) => text),
      ['hi', 'last'],
    )
  }
  t.ok(
    (await one.metric('rabble_gateway_repeated_events_total')) <= 1,
    'a gateway publishes what it knows only once',
  )
})

t.test(
  'a send that the log could not take is told as unavailable, and may be sent again with the same cid',
  async (t) => {
    const { ws, log } = await build(t)
    const ada = await connectChat(t, ws, { name: 'Ada' })
    await ada.join('general')
    log.broken = true
    await t.rejects(ada.send('general', 'hi', { cid: '1' }), { code: 'unavailable' })
    log.broken = false
    const { id } = await ada.send('general', 'hi', { cid: '1' })
    await ada.waitFor(() => ada.messages('general').length > 0)
    t.strictSame(
      ada.messages('general').map((message) => message.id),
      [id],
    )
  },
)

t.test('a message that is seen in the log is acknowledged, though its confirm was lost', async (t) => {
  const { ws, log } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  const published = log.length
  log.losesConfirms = true
  const first = await ada.send('general', 'hi', { cid: '1' })
  log.losesConfirms = false
  t.strictSame((await ada.send('general', 'hi', { cid: '1' })).id, first.id)
  t.equal(log.length, published + 1, 'what the log is known to have is not published again')
  await ada.request({ type: 'ping' })
  t.equal(ada.messages('general').length, 1)
})

t.test('who comes back with after gets exactly what was missed, over another gateway too', async (t) => {
  const log = createMemoryLog()
  const one = await build(t, { log })
  const writer = await connectChat(t, one.ws, { name: 'Writer' })
  await writer.join('general')
  const reader = await connectChat(t, one.ws, { name: 'Reader' })
  await reader.join('general')
  for (let i = 0; i < 10; i++) await writer.send('general', `${i}`)
  await reader.waitFor(() => reader.messages('general').length >= 10)
  const after = reader.messages('general')[6]?.id
  await reader.close()

  // A gateway that starts now reads the last minute, and may still be asked for what was before its start.
  const two = await build(t, { log })
  const back = await connectChat(t, two.ws, { name: 'Reader' })
  const writing = Promise.all(range(50).map((i) => writer.send('general', `more ${i}`)))
  const joined = await back.join('general', { after })
  t.equal(joined.complete, true)
  await writing
  await back.waitFor(() => back.messages('general').length >= 53)
  const texts = back.messages('general').map(({ text }) => text)
  t.strictSame(texts.slice(0, 3), ['7', '8', '9'])
  t.strictSame(
    texts.slice(3).sort(),
    range(50)
      .map((i) => `more ${i}`)
      .sort(),
  )

  const stranger = await connectChat(t, two.ws, { name: 'Stranger' })
  const lost = await stranger.join('general', { after: 'an-id-that-nobody-knows' })
  t.equal(lost.complete, false, 'what cannot be promised is said')
  t.equal(lost.events.length, 50)
  t.match(await stranger.join('general', { recent: 2 }), { complete: true, events: { length: 2 } })
  t.match(await stranger.join('general', { recent: 0 }), { complete: true, events: [] })
})

t.test('a gateway is not ready before it has read the last minute of the log', async (t) => {
  const log = createMemoryLog()
  const one = await build(t, { log })
  let failures = 0
  const broken = {
    ...log,
    async publish(...[event]: Parameters<typeof log.publish>) {
      if (log.broken) failures++
      await log.publish(event)
    },
  }
  log.broken = true
  const two = await build(t, { log: broken, impatient: true })
  await until(() => failures > 1, 60_000, 'it to have tried twice')
  t.equal((await fetch(`${two.http}/readyz`)).status, 503)
  t.equal(two.gateway.unready(), 'reading the last minute of the log')
  log.broken = false
  await until(() => two.gateway.unready() === undefined, 60_000, 'it to be ready')
  t.equal((await fetch(`${two.http}/readyz`)).status, 200)
  await one.close()
  await two.close()
})

t.test('lines that are no message, or of a later version, harm nobody', async (t) => {
  const { ws, log } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  for (const line of [
    'x',
    '{}',
    '{"type":"reaction","room":"general","id":"1","emoji":"+1"}',
    '{"type":"message","room":"general","id":"2"}',
  ]) {
    log.inject(line)
  }
  const event = {
    type: 'message',
    room: 'general',
    id: '3',
    from: { id: 'system', name: 'System' },
    text: 'from a worker',
    at: '2026-11-22T10:00:00.000Z',
    via: 'worker',
    added: 'in version 2',
  }
  log.inject(JSON.stringify(event))
  await ada.waitFor((frame) => frame.type === 'message')
  t.strictSame(ada.messages('general'), [event], 'fields that are not known are handed on')
  log.inject(JSON.stringify({ ...event, id: '4', room: '*', text: 'to all' }))
  t.match(await ada.waitFor((frame) => frame.type === 'message' && frame.room === '*'), { text: 'to all' })
})

t.test('a client that stops reading is closed, memory stays flat, the others notice nothing', async (t) => {
  const { ws, gateway, metric } = await build(t, {
    // Who is slow here is not to be taken for silent.
    heartbeat: 300_000,
    limits: { unsentBytes: 2 * 1024 * 1024 },
  })
  const slow = await connectChat(t, ws, { name: 'Slow' })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  const bob = await connectChat(t, ws, { name: 'Bob' })
  await Promise.all([slow, ada, bob].map((client) => client.join('general')))
  slow.pause()
  const before = buffers()
  let peak = 0
  let sent = 0
  let meanwhile = 0
  // 24 MB in all, of which the system takes a few for the slow one.
  while (sent < 2000) {
    const sending = await Promise.all(range(100).map(() => ada.send('general', '€'.repeat(4000))))
    sent += 100
    for (const { id } of sending) await bob.sees(id)
    if ((await metric('rabble_gateway_connections')) === 3) meanwhile = sent
    peak = Math.max(peak, buffers() - before)
  }
  t.ok(meanwhile > 0, `bob got ${meanwhile} messages while the slow one was stuck`)
  t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'tooSlow' }), 1)
  t.ok(peak < 12_000_000, `${peak} bytes at most`)
  t.equal(bob.messages('general').length, sent)
  t.equal(gateway.unready(), undefined)
  slow.resume()
  t.match(await slow.closed, { code: /1013|1006/ })
})

t.test(
  'a client that reads nothing of a replay is closed, whatever it sends, and its share of memory is free',
  async (t) => {
    const { ws, metric } = await build(t, {
      // Twice this is what it has to read, and what the process may stand still before it seems to be silent.
      heartbeat: 5_000,
      limits: { unsentBytes: 64_000_000 },
      recent: { perRoom: 2000, totalBytes: 256 * 1024 * 1024 },
    })
    const ada = await connectChat(t, ws, { name: 'Ada' })
    await ada.join('general', { recent: 0 })
    await Promise.all(range(1000).map(() => ada.send('general', '€'.repeat(4000))))
    const deaf = await connectChat(t, ws, { name: 'Deaf' })
    deaf.pause()
    const talking = setInterval(() => deaf.raw('{"type":"ping"}'), 50)
    t.teardown(() => clearInterval(talking))
    deaf.raw('{"type":"join","room":"general","recent":1000}')
    const taken = async () => (await metric('rabble_gateway_replay_bytes')) > 0
    await until(taken, 60_000, 'the replay')
    const closed = async () =>
      (await metric('rabble_gateway_disconnections_total', { reason: 'tooSlow' })) === 1
    await until(closed, 60_000, 'it to be closed')
    await until(async () => !(await taken()), 60_000, 'the replay to be given up')
    t.match(await ada.request({ type: 'ping' }), { type: 'pong' })
  },
)

t.test('a client that asks for replay after replay without reading them makes nothing grow', async (t) => {
  const { ws, metric } = await build(t, { limits: { unsentBytes: 65_536, roomsPerSession: 1000 } })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  await Promise.all(range(500).map(() => ada.send('general', 'x'.repeat(4000))))
  const greedy = await connectChat(t, ws, { name: 'Greedy' })
  greedy.pause()
  const before = buffers()
  for (let i = 0; i < 200; i++) greedy.raw(JSON.stringify({ type: 'join', room: 'general', recent: 500 }))
  const joined = async () => (await metric('rabble_gateway_joins_total')) > 1
  await until(joined, 60_000, 'the first replay')
  // Work that the gateway does meanwhile, in as many turns as there would be replays.
  for (let i = 0; i < 200; i++) await ada.request({ type: 'members', room: 'general' })
  const grown = buffers() - before
  t.ok(grown < 50_000_000, `grew by ${grown} bytes for replays of 400 MB`)
  const closed = await metric('rabble_gateway_disconnections_total', { reason: 'tooSlow' })
  t.equal(closed, 0, 'the next replay waits until the last one was read')
})

t.test(
  'when many come back at once, replays are cut short before the gateway runs out of memory',
  async (t) => {
    const { ws, metric } = await build(t, { replayBytes: 3_000_000 })
    const ada = await connectChat(t, ws, { name: 'Ada' })
    await ada.join('general')
    await Promise.all(range(500).map(() => ada.send('general', 'x'.repeat(4000))))
    const clients = await Promise.all(range(8).map(() => connectChat(t, ws)))
    for (const client of clients) client.pause()
    for (const client of clients) client.raw(JSON.stringify({ type: 'join', room: 'general', recent: 500 }))
    while ((await metric('rabble_gateway_joins_total')) < 9) await new Promise(setImmediate)
    t.ok((await metric('rabble_gateway_replay_bytes')) <= 3_000_000)
    for (const client of clients) client.resume()
    const joined = await Promise.all(clients.map((client) => client.waitFor(({ type }) => type === 'joined')))
    const counts = joined.map((frame) =>
      frame.type === 'joined' ? [frame.events.length, frame.complete] : [],
    )
    t.ok(counts.some(([count]) => count === 500))
    t.ok(counts.some(([count]) => count === 10))
    for (const [count, complete] of counts) t.equal(complete, count === 500)
    while ((await metric('rabble_gateway_replay_bytes')) > 0) await new Promise(setImmediate)
    t.match(await clients.at(-1)?.join('general', { recent: 500 }), {
      complete: true,
      events: { length: 500 },
    })
  },
)

/** Bytes that are held outside the heap, such as what waits to be written to sockets. */
function buffers(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().arrayBuffers
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

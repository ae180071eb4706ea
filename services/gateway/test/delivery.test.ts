import { createManualClock } from '@rabble/clock/manual'
import { connectChat } from '@rabble/harness'
import t from 'tap'
import { build } from './build.ts'
import { createMemoryLog } from './memory-log.ts'
import { pass } from './time.ts'

t.test('two gateways hand their clients the same messages in the same order', async (t) => {
  const log = createMemoryLog()
  const gateways = await Promise.all([build(t, { log }), build(t, { log })])
  const clients = await Promise.all(
    gateways.flatMap(({ ws }, g) => [0, 1, 2].map((n) => connectChat(t, ws, { name: `user ${g} ${n}` }))),
  )
  await Promise.all(clients.map((client) => client.join('general')))
  await Promise.all(clients.flatMap((client, c) => range(20).map((i) => client.send('general', `${c} ${i}`))))
  const [first, ...others] = await Promise.all(
    clients.map(async (client) => {
      await client.waitFor(() => client.messages('general').length >= 120)
      return client.messages('general').map(({ id }) => id)
    }),
  )
  t.equal(new Set(first).size, 120)
  t.strictSame(
    others,
    others.map(() => first),
  )
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
  const clock = createManualClock()
  const { ws, log } = await build(t, { clock })
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  const published = log.length
  log.losesConfirms = true
  const first = await ada.send('general', 'hi', { cid: '1' })
  log.losesConfirms = false
  await clock.advance(1_000)
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

  // A gateway that starts now reads the last minute, and clients may still ask it for events from before its start.
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
  const clock = createManualClock()
  const log = createMemoryLog()
  let failures = 0
  const broken = {
    ...log,
    async publish(...[event]: Parameters<typeof log.publish>) {
      if (log.broken) failures++
      await log.publish(event)
    },
  }
  log.broken = true
  const two = await build(t, { log: broken, clock, ready: false })
  await pass(clock, 1_000, () => failures > 1, 'it to have tried twice')
  t.equal((await fetch(`${two.http}/readyz`)).status, 503)
  t.equal(two.gateway.unready(), 'reading the last minute of the log')
  log.broken = false
  await pass(clock, 1_000, () => two.gateway.unready() === undefined, 'it to be ready')
  t.equal((await fetch(`${two.http}/readyz`)).status, 200)
})

t.test('lines that are no message, or of a later version, harm nobody', async (t) => {
  const { ws, log } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general')
  for (const line of [
    'x',
    '{}',
    '{"type":"poll","room":"general","id":"1","emoji":"+1"}',
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

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

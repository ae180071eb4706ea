import { createManualClock } from '@rabble/clock/manual'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { build, type TestGateway } from './build.ts'
import { watchUnsent } from './unsent.ts'

/** Puts messages into the log, which clients could send only one after the other. */
function fill({ log }: TestGateway, count: number, length: number): void {
  const from = { id: 'ada', name: 'Ada' }
  const rest = { type: 'message', room: 'general', from, at: '2026-11-22T10:00:00.000Z', via: 'g' }
  const lines = Array.from({ length: count }, (_, n) =>
    JSON.stringify({ ...rest, id: `${n}`, text: 'x'.repeat(length) }),
  )
  log.inject(lines.join('\n'))
}

t.test(
  'a client that reads nothing of a replay is closed, whatever it sends, and its share of memory is free',
  async (t) => {
    const clock = createManualClock()
    const gateway = await build(t, {
      clock,
      limits: { unsentBytes: 64_000_000 },
      recent: { perRoom: 2000, totalBytes: 256 * 1024 * 1024 },
    })
    const { ws, metric } = gateway
    // More than the operating system takes.
    fill(gateway, 16, 1_000_000)
    const stuck = await connectChat(t, ws, { name: 'Stuck' })
    stuck.pause()
    stuck.raw('{"type":"join","room":"general","recent":1000}')
    const taken = async () => (await metric('rabble_gateway_replay_bytes')) > 0
    await until(taken, 60_000, 'the replay')
    const pings = () => metric('rabble_gateway_frames_received_total', { type: 'ping' })
    for (let seconds = 1; (await metric('rabble_gateway_connections')) > 0 && seconds < 120; seconds++) {
      stuck.raw('{"type":"ping"}')
      await until(async () => (await pings()) === seconds, 60_000, 'what it says to be heard')
      await clock.advance(1_000)
    }
    t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'tooSlow' }), 1)
    await clock.advance(2_000)
    await until(async () => !(await taken()), 60_000, 'the replay to be given up')
  },
)

t.test('a client that asks for replay after replay without reading them makes nothing grow', async (t) => {
  const unsentBytes = 65_536
  const gateway = await build(t, { limits: { unsentBytes } })
  const { ws, metric } = gateway
  const unsent = watchUnsent(gateway)
  fill(gateway, 500, 4000)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  await ada.join('general', { recent: 0 })
  const greedy = await connectChat(t, ws, { name: 'Greedy' })
  greedy.pause()
  for (let n = 0; n < 100; n++) greedy.raw('{"type":"join","room":"general","recent":500}')
  const joins = () => metric('rabble_gateway_joins_total')
  await until(async () => (await joins()) > 1, 60_000, 'the first replay')
  // The gateway does other work meanwhile, in as many turns as there would be replays.
  for (let n = 0; n < 100; n++) {
    await ada.request({ type: 'ping' })
    unsent.look()
  }
  t.ok(unsent.most < 2_200_000 + unsentBytes, `${unsent.most} bytes wait after replays of 2 MB each`)
  t.ok((await joins()) < 50, 'the next replay waits until the last one was read')
  t.equal(await metric('rabble_gateway_disconnections_total', { reason: 'tooSlow' }), 0)
})

t.test(
  'when many come back at once, replays are cut short before the gateway runs out of memory',
  async (t) => {
    const gateway = await build(t, { replayBytes: 3_000_000 })
    const { ws, metric } = gateway
    fill(gateway, 500, 4000)
    const clients = await Promise.all(Array.from({ length: 8 }, () => connectChat(t, ws)))
    for (const client of clients) client.pause()
    for (const client of clients) client.raw('{"type":"join","room":"general","recent":500}')
    await until(async () => (await metric('rabble_gateway_joins_total')) === 8, 60_000, 'the joins')
    t.ok((await metric('rabble_gateway_replay_bytes')) <= 3_000_000)
    for (const client of clients) client.resume()
    const joined = await Promise.all(clients.map((client) => client.waitFor(({ type }) => type === 'joined')))
    const answers = joined.map((frame) =>
      frame.type === 'joined' ? `${frame.events.length} ${frame.complete}` : '',
    )
    t.strictSame(new Set(answers), new Set(['500 true', '10 false']))
    await until(async () => (await metric('rabble_gateway_replay_bytes')) === 0, 60_000, 'all to be read')
    t.match(await clients.at(-1)?.join('general', { recent: 500 }), {
      complete: true,
      events: { length: 500 },
    })
  },
)

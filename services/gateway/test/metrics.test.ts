import { checkDocumented, connectChat } from '@rabble/harness'
import { Registry } from 'prom-client'
import t from 'tap'
import { createMetrics } from '../src/index.ts'
import { build } from './build.ts'

t.test('docs/operations.md lists exactly the metrics that exist', async (t) => {
  const registry = new Registry()
  const metrics = createMetrics(registry)
  metrics.watchRooms({ seats: () => ({ held: 0, owed: 0 }), names: () => 0 })
  metrics.watch({
    waiting: () => 0,
    recentBytes: () => 0,
    recentRooms: () => 0,
    replayBytes: () => 0,
    watchedRooms: () => 0,
    conversationsWaiting: () => 0,
    followedReceipts: () => 0,
    followedPeople: () => 0,
  })
  const rows = (await registry.getMetricsAsJSON()).map(({ name, help }) => [`\`${name}\``, help])
  checkDocumented(t, 'docs/operations.md', 'metrics-gateway', [['metric', 'meaning'], ...rows])
})

t.test('what happens is counted', async (t) => {
  const { ws, http, metric } = await build(t)
  const ada = await connectChat(t, ws, { name: 'Ada' })
  const bob = await connectChat(t, ws, { name: 'Bob' })
  await ada.join('general')
  await bob.join('general')
  await ada.send('general', 'hi')
  await bob.waitFor((frame) => frame.type === 'message')
  await ada.request({ type: 'join', room: 'a:b' }).catch(() => {})
  await bob.close()
  t.equal(await metric('rabble_gateway_connections_total'), 2)
  t.equal(await metric('rabble_gateway_frames_received_total', { type: 'send' }), 1)
  t.equal(await metric('rabble_gateway_frames_refused_total', { code: 'bad-frame' }), 1)
  t.ok((await metric('rabble_gateway_deliveries_total')) >= 2)
  t.equal(await metric('rabble_gateway_joins_total', { recent: 'hit' }), 2)
  const text = await (await fetch(`${http}/metrics`)).text()
  t.match(text, /^rabble_gateway_connections\{transport="websocket"\} [12]$/m)
  t.match(text, /^rabble_gateway_send_seconds_count 1$/m)
})

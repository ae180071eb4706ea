import { assertNothingLeft, startRabbitMq, until } from '@rabble/harness'
import t from 'tap'
import { codeOf, event, follow, offsetsGrow } from '../../src/conformance/fixture.ts'
import { build, patience } from './build.ts'
import { testKill } from './kill.ts'

// The broker is frozen, short of memory, and killed: it belongs to this file alone.

assertNothingLeft(t)

const broker = await startRabbitMq(t)

t.test('a broker that froze: refused in time, and all goes on once it is noticed or thaws', async (t) => {
  const { log, count } = await build(t, {
    prefix: 'frozen',
    // In real time, because heartbeats are amqplib's: it notices after two to three of them.
    url: `${broker.url}?heartbeat=1`,
    limits: { publishTimeout: 500 },
  })
  const reader = follow(t, log, 'first')
  while ((await codeOf(log.publish(event('1')))) !== undefined);
  await reader.seen(1)
  const isRead = () => count('connection', 'read', true) > count('connection', 'read', false)
  await until(() => isRead() && log.status().connected, patience, 'both connections to be there')
  const lost = count('connection', 'read', false)
  broker.freeze()
  t.teardown(broker.thaw)
  t.equal(await codeOf(log.publish(event('2'))), 'unavailable')
  await until(() => !log.status().connected, patience, 'the frozen broker to be noticed')
  await until(() => count('connection', 'read', false) > lost, patience, 'the reader to notice')
  broker.thaw()
  while ((await codeOf(log.publish(event('3')))) !== undefined);
  await until(() => reader.ids().includes('3'), patience, 'the reader to go on')
  t.ok(offsetsGrow(reader.batches))
})

t.test('a real memory alarm', async (t) => {
  const { log } = await build(t, { prefix: 'poor', url: broker.url, limits: { publishTimeout: 500 } })
  t.teardown(() => broker.shortOfMemory(false))
  await broker.shortOfMemory(true)
  // Again and again, since the broker tells only those that publish.
  const blocked = async () => {
    await codeOf(log.publish(event('1')))
    return log.status().reason?.startsWith('blocked by the broker: low on memory') === true
  }
  await until(blocked, patience, 'the log to tell')
  t.match(log.status(), { connected: false })
  t.equal(await codeOf(log.publish(event('2'))), 'unavailable')
  await broker.shortOfMemory(false)
  await until(() => log.status().connected, patience, 'the log to be connected')
  while ((await codeOf(log.publish(event('3')))) !== undefined);
})

testKill(t, broker, { publishers: 5, events: 200 })

import { assertNothingLeft, sharedRabbitMq, until } from '@rabble/harness'
import t from 'tap'
import { codeOf, during, event, follow } from '../../src/conformance/fixture.ts'
import { blockedFrame, startProxy, unblockedFrame } from '../proxy.ts'
import { administrate, build, buildWithClock, timeout } from './build.ts'

// Tests in which the broker refuses or returns messages, or has queues with other arguments. No test here harms the broker.

assertNothingLeft(t)

const broker = await sharedRabbitMq(t)
const { url } = broker

t.test('no stream is bound: the broker returns the batch, and it is not taken for confirmed', async (t) => {
  const { log, count } = await build(t, { prefix: 'unbound', url })
  await log.publish(event('1'))
  await administrate(broker, (channel) => channel.unbindQueue('unbound.log.0', 'unbound.events', ''))
  await log.publish(event('2'))
  t.equal(count('retried', 1), 1)
  const reader = follow(t, log, 'first')
  await reader.seen(2)
  t.same(reader.ids(), ['1', '2'])
})

t.test(
  'another queue refuses what the log takes: known from the log, not repeated, and told once',
  async (t) => {
    const prefix = 'refusing'
    // This clock stands still, so nothing is sent again.
    const { log, count, logged } = await buildWithClock(t, { prefix, url })
    const reader = follow(t, log, 'first')
    await log.publish(event('0'))
    await administrate(broker, async (channel) => {
      const full = { 'x-max-length': 1, 'x-overflow': 'reject-publish' }
      await channel.assertQueue('stranger', { durable: true, arguments: full })
      await channel.bindQueue('stranger', 'refusing.events', '')
    })
    const ids = Array.from({ length: 20 }, (_, n) => `${n}`)
    for (const id of ids.slice(1)) await log.publish(event(id))
    await reader.seen(20)
    t.same(reader.ids(), ids)
    t.ok(count('contradicted', 1) > 10, 'all but those for which it had room')
    t.match(logged, [
      { level: 'warn', fields: { exchange: 'refusing.events', reason: /x-overflow=reject-publish/ } },
    ])
    t.equal(logged.length, 1)
  },
)

t.test(
  'another queue refuses, and this process reads nothing: it begins to, and learns the same',
  async (t) => {
    const { log, count } = await build(t, { prefix: 'refusing-all', url })
    await log.publish(event('0'))
    await administrate(broker, async (channel) => {
      const full = { 'x-max-length': 1, 'x-overflow': 'reject-publish' }
      await channel.assertQueue('stranger-too', { durable: true, arguments: full })
      await channel.bindQueue('stranger-too', 'refusing-all.events', '')
    })
    for (let n = 1; n <= 5; n++) await log.publish(event(`${n}`))
    t.ok(count('contradicted', 1) > 0)
  },
)

t.test('a stream with another retention is used as it is, with one warning', async (t) => {
  const first = await build(t, { prefix: 'other', url })
  await first.log.publish(event('1'))
  const { log, logged } = await build(t, { prefix: 'other', url, retention: { maxAge: 1000 } })
  await log.publish(event('2'))
  const reader = follow(t, log, 'first')
  await reader.seen(2)
  t.same(reader.ids(), ['1', '2'])
  t.match(logged, [{ level: 'warn', fields: { stream: 'other.log.0' } }])
})

t.test('a queue that is no stream is not used', async (t) => {
  await administrate(broker, (channel) => channel.assertQueue('classic.log.0', { durable: true }))
  const { log, clock } = await buildWithClock(t, {
    prefix: 'classic',
    url,
    limits: { publishTimeout: 500 },
    connects: false,
  })
  const code = codeOf(log.publish(event('1')))
  const refused = () => /x-queue-type|inequivalent/.test(log.status().reason ?? '')
  await until(refused, timeout, 'the broker to refuse the stream')
  await clock.advance(500)
  t.equal(await code, 'unavailable')
  t.match(log.status(), { connected: false })
})

t.test('a broker that blocks publishing: told, refused in time, and readers go on', async (t) => {
  const proxy = await startProxy(t, url)
  const limits = { publishTimeout: 300 }
  const { log, count, clock } = await buildWithClock(t, { prefix: 'blocked', url: proxy.url, limits })
  const other = await build(t, { prefix: 'blocked', url })
  const reader = follow(t, log, 'first')
  await log.publish(event('1'))
  await during(clock, reader.seen(1))
  const publishing = proxy.connections.find(({ publishes }) => publishes)
  publishing?.hold('up')
  publishing?.inject(blockedFrame('low on memory'))
  const blocked = () => log.status().reason === 'blocked by the broker: low on memory'
  await until(blocked, timeout, 'the log to tell')
  t.match(log.status(), { connected: false })
  const second = codeOf(log.publish(event('2')))
  await clock.advance(300)
  t.equal(await second, 'unavailable')
  // A connection without confirms for twice the time limit would be dropped if the broker didn't report that it is blocked.
  await clock.advance(3000)
  await other.log.publish(event('3'))
  await reader.seen(2)
  t.same(reader.ids(), ['1', '3'])
  t.equal(count('connection', 'publish', false), 0, 'the connection is kept')
  publishing?.release('up')
  await log.publish(event('4'))
  publishing?.inject(unblockedFrame)
  await until(() => log.status().connected, timeout, 'the log to be connected')
  await log.publish(event('5'))
  await reader.seen(5)
  t.same(reader.ids(), ['1', '3', '2', '4', '5'])
})

import { setTimeout as sleep } from 'node:timers/promises'
import { assertNothingLeft, sharedRabbitMq, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { during, event, follow } from '../../src/conformance/fixture.ts'
import type { EventLog } from '../../src/index.ts'
import { closeFrame, consumed, startProxy } from '../proxy.ts'
import { administrate, build, buildWithClock, timeout } from './build.ts'

// Tests of logs that have lost something, or seem to. No test here harms the broker itself.

assertNothingLeft(t)

const broker = await sharedRabbitMq(t)
const { url } = broker

t.test(
  'a stream that is deleted: made anew, nothing confirmed without it, read from its start',
  async (t) => {
    const { log, count, told, clock } = await buildWithClock(t, { prefix: 'deleted', url })
    const reader = follow(t, log, 'first')
    for (const id of ['1', '2', '3', '4', '5']) await log.publish(event(id))
    await during(clock, reader.seen(5))
    await administrate(broker, (channel) => channel.deleteQueue('deleted.log.0'))
    await during(clock, log.publish(event('6')))
    await during(clock, log.publish(event('7')))
    await during(clock, reader.seen(7))
    t.same(reader.ids(), ['1', '2', '3', '4', '5', '6', '7'])
    t.equal(count('connection', 'publish'), 1)
    t.equal(count('connection', 'read'), 1)
    t.ok(count('gap', 0, 5) > 0, JSON.stringify(told))
  },
)

t.test('a log that starts over below the position is read from its start', async (t) => {
  const { log, gaps, clock } = await buildWithClock(t, { prefix: 'lower', url })
  await log.publish(event('1'))
  await log.publish(event('2'))
  const reader = follow(t, log, { after: 1000 })
  const publishing = async () => {
    for (let i = 0; reader.lines.length === 0; i++) {
      await log.publish(event(`new-${i}`))
      await sleep(20)
    }
  }
  await during(clock, Promise.all([publishing(), reader.seen(3)]))
  t.same(reader.ids().slice(0, 3), ['1', '2', 'new-0'])
  const [first, ...others] = reader.batches.map(({ gap }) => gap)
  t.same(first, { expected: 1001 })
  t.same(
    others.filter((gap) => gap !== undefined),
    [],
    'told once',
  )
  t.match(gaps()[0], ['gap', 0, 1001, Number])
})

t.test('a log that starts over, and to which nothing comes, is read from its start too', async (t) => {
  const { log, gaps, clock } = await buildWithClock(t, { prefix: 'silent', url })
  // Publishes many at once, which gives chunks of many batches.
  await Promise.all(Array.from({ length: 300 }, (_, n) => log.publish(event(`${n}`))))
  const reader = follow(t, log, { after: 1000 })
  await during(clock, reader.seen(300))
  t.same(new Set(reader.ids()).size, 300)
  t.same(reader.batches[0]?.gap, { expected: 1001 })
  t.equal(gaps().length, 1)
})

t.test('a new log that has grown past the position is not taken for the old one', async (t) => {
  const proxy = await startProxy(t, url)
  const { log, gaps } = await build(t, { prefix: 'grown', url: proxy.url })
  const writer = await build(t, { prefix: 'grown', url })
  const reader = follow(t, log, 'first')
  for (const id of ['1', '2', '3']) await writer.log.publish(event(id))
  await reader.seen(3)
  // The reader doesn't learn of it until the new log has its own offset 2.
  for (const connection of proxy.connections) connection.hold('down')
  await administrate(broker, (channel) => channel.deleteQueue('grown.log.0'))
  for (const id of ['4', '5', '6', '7']) await writer.log.publish(event(id))
  for (const connection of [...proxy.connections]) connection.cut()
  await reader.seen(7)
  t.same(reader.ids(), ['1', '2', '3', '4', '5', '6', '7'])
  t.same(reader.batches[3]?.gap, { expected: 3 })
  t.same(gaps(), [['gap', 0, 3, 2]])
})

t.test('the broker fails whenever it reads the log: told, with a remedy, until it can again', async (t) => {
  const proxy = await startProxy(t, url)
  let fails = true
  proxy.onConnection = (connection) => {
    if (fails) connection.endWith(consumed, 1, closeFrame(541, 'INTERNAL_ERROR'))
  }
  const { log, logged, clock } = await buildWithClock(t, { prefix: 'crashing', url: proxy.url })
  await during(clock, log.publish(event('1')))
  const reader = follow(t, log, 'first')
  const problem = () =>
    /reads the stream crashing\.log\.0.* rabbitmqctl eval/.test(log.status().problem ?? '')
  await during(clock, until(problem, timeout, 'the problem'))
  t.match(log.status(), { connected: true }, 'publishing goes on')
  fails = false
  await during(clock, reader.seen(1))
  t.equal(log.status().problem, undefined)
  t.equal(logged.filter(({ level }) => level === 'error').length, 1)
})

t.test('a broker that is slow to deliver has lost nothing', async (t) => {
  const proxy = await startProxy(t, url)
  const { log, gaps, clock } = await buildWithClock(t, { prefix: 'late', url: proxy.url })
  const writer = await build(t, { prefix: 'late', url })
  const reader = follow(t, log, 'first')
  for (const id of ['1', '2', '3']) await writer.log.publish(event(id))
  await during(clock, reader.seen(3))
  proxy.onConnection = (connection) => connection.holdDeliveries()
  for (const connection of [...proxy.connections]) connection.cut()
  const held = () => proxy.connections.find(({ holds }) => holds)
  await during(
    clock,
    until(() => held() !== undefined, timeout, 'the reader to be back'),
  )
  // If its batch doesn't arrive for a while, the reader asks on a separate channel where the log ends.
  const before = held()?.channels ?? 0
  await during(
    clock,
    until(() => (held()?.channels ?? 0) > before, timeout, 'the reader to ask'),
  )
  for (const connection of proxy.connections) connection.release('down')
  await writer.log.publish(event('4'))
  await reader.seen(4)
  t.same(reader.ids(), ['1', '2', '3', '4'])
  t.same(gaps(), [])
})

/** Returns the first offset of a log after the broker has deleted all that is over its limit. */
async function firstOffset(t: Test, log: EventLog): Promise<number> {
  const found: number[] = []
  const settled = async () => {
    const reader = follow(t, log, 'first')
    await reader.seen(1)
    found.push(reader.batches[0]?.offset ?? 0)
    await reader.end()
    const last = found.slice(-10)
    return last.length === 10 && new Set(last).size === 1 && (last[0] ?? 0) > 1
  }
  await until(settled, timeout, 'some to be gone')
  return found.at(-1) ?? 0
}

t.test('retention passed the position: the reader tells, and goes on', async (t) => {
  const retention = { maxBytes: 500_000, segmentBytes: 100_000 }
  const { log, gaps } = await build(t, { prefix: 'retention', url, retention })
  for (let i = 0; i < 20; i++) await log.publish(event(`${i}`, 'general', 'x'.repeat(50_000)))
  const found = await firstOffset(t, log)
  t.same(gaps(), [], 'whoever starts with the first misses nothing')
  /** Returns the first batch after a position. */
  const firstAfter = async (position: number) => {
    const reader = follow(t, log, { after: position })
    await reader.seen(1)
    const { offset, gap } = reader.batches[0] ?? {}
    return { offset, gap }
  }
  t.same(await firstAfter(0), { offset: found, gap: { expected: 1 } })
  t.same(await firstAfter(found), { offset: found + 1, gap: undefined })
  const next = await firstAfter(found - 1)
  t.same(next, { offset: found, gap: undefined }, 'the position is gone, but nothing that follows it')
  t.same(gaps(), [['gap', 0, 1, found]])
})

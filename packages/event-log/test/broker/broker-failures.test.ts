import { readdirSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RabbleError, type Signal } from '@rabble/contract'
import { assertNothingLeft, putIntoQueue, startRabbitMq, takeFromQueue, until } from '@rabble/harness'
import t from 'tap'
import { codeOf, event, follow, offsetsGrow, publishSurely } from '../../src/conformance/fixture.ts'
import { administrate, build, timeout } from './build.ts'
import { testKill } from './kill.ts'

// These tests freeze the broker, fill its memory and kill it, and it gets its rights at its very first start, so it belongs to this
// file alone.

assertNothingLeft(t)

const conf = fileURLToPath(new URL('../../../../../docker/rabbitmq-rights.conf', import.meta.url))
const broker = await startRabbitMq(t, { conf })
const data = join(broker.node.home, 'data', 'rabbit@localhost')

t.test(
  'the rights of the services in containers are enough for all that they do, and for nothing else',
  async (t) => {
    const { log, logged } = await build(t, { url: broker.url, prefix: 'rabble' })
    await log.publish(event('1'))
    const reader = follow(t, log, 'first')
    await reader.seen(1)
    // Behind the end, where the reader asks for the last batch.
    const last = follow(t, log, { after: 0 })
    await log.publish(event('2'))
    await last.seen(1)

    const signals: Signal[] = []
    log.onSignal((signal) => signals.push(signal))
    const typing: Signal = { type: 'typing', room: 'general', user: { id: 'ada', name: 'Ada' } }
    const arrived = () => {
      log.signal(typing)
      return signals.length > 0
    }
    await until(arrived, timeout, 'the signal')

    let isTaking = false
    const refuse = async () => {
      throw new RabbleError('bad-frame', 'not a notification')
    }
    const queue = log.takeWork('notify', refuse, {
      active(active) {
        isTaking = active
      },
    })
    t.teardown(() => queue.close())
    await until(() => isTaking, timeout, 'it to take notifications')
    await putIntoQueue(broker.url, 'rabble.notify', [{ body: 'wrong' }])
    const rejected = await takeFromQueue(t, broker.url, 'rabble.notify.rejected')
    await until(() => rejected.length > 0, timeout, 'the notification to be set aside')
    t.match(rejected[0]?.properties.headers, { 'x-rabble-reason': /^bad-frame/ })
    t.same(logged, [])

    const refused = { code: 403 }
    await t.rejects(
      administrate(broker, (channel) => channel.assertQueue('stranger')),
      refused,
    )
    await t.rejects(
      administrate(broker, (channel) => channel.assertExchange('stranger', 'fanout')),
      refused,
    )
    await t.rejects(
      administrate(broker, (channel) => channel.bindQueue('rabble.notify', 'amq.fanout', '')),
      refused,
    )
    const lookUp = '{ok, User} = rabbit_auth_backend_internal:lookup_user(<<"rabble">>)'
    await t.resolves(
      broker.evaluate(`${lookUp}, [] = internal_user:get_tags(User), ok`),
      'it is no administrator',
    )
  },
)

t.test('a broker that froze: refused in time, and all goes on once it is noticed or thaws', async (t) => {
  const { log, count } = await build(t, {
    prefix: 'rabble.frozen',
    // Uses real time, because heartbeats are amqplib's: it notices after two to three of them.
    url: `${broker.url}?heartbeat=1`,
    limits: { publishTimeout: 500 },
  })
  const reader = follow(t, log, 'first')
  await publishSurely(log, event('1'))
  await reader.seen(1)
  const isRead = () => count('connection', 'read', true) > count('connection', 'read', false)
  await until(() => isRead() && log.status().connected, timeout, 'both connections to be there')
  const lost = count('connection', 'read', false)
  broker.freeze()
  t.teardown(broker.thaw)
  t.equal(await codeOf(log.publish(event('2'))), 'unavailable')
  await until(() => !log.status().connected, timeout, 'the frozen broker to be noticed')
  await until(() => count('connection', 'read', false) > lost, timeout, 'the reader to notice')
  broker.thaw()
  await publishSurely(log, event('3'))
  await until(() => reader.ids().includes('3'), timeout, 'the reader to go on')
  t.ok(offsetsGrow(reader.batches))
})

t.test('a real memory alarm', async (t) => {
  const { log } = await build(t, { prefix: 'rabble.poor', url: broker.url, limits: { publishTimeout: 500 } })
  t.teardown(() => broker.shortOfMemory(false))
  await broker.shortOfMemory(true)
  // Publishes repeatedly, since the broker notifies only connections that publish.
  const blocked = async () => {
    await codeOf(log.publish(event('1')))
    return log.status().reason?.startsWith('blocked by the broker: low on memory') === true
  }
  await until(blocked, timeout, 'the log to tell')
  t.match(log.status(), { connected: false })
  t.equal(await codeOf(log.publish(event('2'))), 'unavailable')
  await broker.shortOfMemory(false)
  await until(() => log.status().connected, timeout, 'the log to be connected')
  await publishSurely(log, event('3'))
})

t.test('a limit of connections is named, and the log comes once there is room', async (t) => {
  const limited = 'limited'
  await broker.addVirtualHost(limited)
  t.teardown(() => broker.deleteVirtualHost(limited))
  const limit = (connections: number) =>
    broker.evaluate(
      `rabbit_vhost_limit:set(<<"${limited}">>, [{<<"max-connections">>, ${connections}}], <<"test">>)`,
    )
  await limit(0)
  const { log } = await build(t, {
    prefix: 'limited',
    url: Object.assign(new URL(broker.url), { pathname: `/${limited}` }).href,
  })
  const named = () => /connection limit \(0\) is reached/.test(log.status().reason ?? '')
  await until(named, timeout, 'the reason')
  await limit(-1)
  await until(() => log.status().connected, timeout, 'the log to be connected')
})

testKill(t, broker, { publishers: 5, events: 200 })

t.test(
  'kill -9 that cuts off the index, so that offsets begin again: told as a gap, and all is read',
  async (t) => {
    const options = { url: broker.url, prefix: 'rabble.recount', limits: { publishTimeout: 500 } }
    const { log, gaps } = await build(t, options)
    const publish = async (ids: string[]) => {
      for (const id of ids) await publishSurely(log, event(id))
    }
    const all = (reader: ReturnType<typeof follow>, ids: string[]) =>
      until(() => ids.every((id) => reader.ids().includes(id)), timeout, 'all to be read')
    const reader = follow(t, log, 'first')
    const before = Array.from({ length: 30 }, (_, n) => `before-${n}`)
    await publish(before)
    await all(reader, before)
    await broker.kill()
    truncateSync(newestIndex('rabble.recount.log.0'), 0)
    await broker.restart()
    const after = Array.from({ length: 10 }, (_, n) => `after-${n}`)
    await publish(after)
    await all(reader, [...before, ...after])
    t.match(gaps(), [['gap', 0, Number, Number]])
    const [, , expected] = gaps()[0] ?? []
    t.ok(Number(expected) >= before.length, `${expected}: more if an event had to be published again`)
    const fresh = follow(t, (await build(t, options)).log, 'first')
    await all(fresh, after)
    // Writes past the offset at which the log ended before.
    const later = Array.from({ length: 30 }, (_, n) => `later-${n}`)
    await publish(later)
    for (const one of [reader, fresh]) await all(one, later)
    t.equal(gaps().length, 1)
  },
)

t.test('a stream that lost its leader for good: told with the command that mends it', async (t) => {
  const options = { url: broker.url, prefix: 'rabble.leaderless', limits: { publishTimeout: 500 } }
  const { log, logged, gaps } = await build(t, options)
  const reader = follow(t, log, 'first')
  const publish = async (id: string) => {
    await publishSurely(log, event(id))
  }
  for (const id of ['1', '2', '3']) await publish(id)
  await reader.seen(3)
  await broker.kill()
  // As after a kill during a first start: the broker no longer knows that it has streams.
  rmSync(join(data, 'coordination', 'rabbit@localhost', 'names.dets'))
  await broker.restart()
  const reason = () => logged.find(({ level }) => level === 'error')?.fields
  await until(() => reason() !== undefined, timeout, 'the error')
  t.match(reason(), { reason: /^the stream rabble\.leaderless\.log\.0 has no leader/ })
  const told = () => /leaderless\.log\.0 has no leader/.test(log.status().reason ?? '')
  await until(told, timeout, 'the status to tell as well')
  t.equal(log.status().connected, false)
  t.equal(logged.filter(({ level }) => level === 'error').length, 1, 'by publisher and reader once')
  const [, command] = /rabbitmqctl eval '(.*)'$/.exec(log.status().reason ?? '') ?? []
  await broker.evaluate(command ?? '')
  await publish('4')
  await reader.seen(4)
  t.equal(reader.ids().at(-1), '4')
  // The reader sees where the new log ends: at 0, or further if the publisher had to repeat the event.
  t.match(gaps(), [['gap', 0, Number, Number]])
  const [, , expected] = gaps()[0] ?? []
  t.ok(Number(expected) >= 3, `${expected}: more if an event had to be published again`)
})

/** Returns the file by which the broker finds offsets in the newest segment of a stream. */
function newestIndex(stream: string): string {
  const streams = join(data, 'stream')
  const folder =
    readdirSync(streams).find((name) => name.startsWith(`__${stream.replaceAll('.', '_')}_`)) ?? stream
  const indexes = readdirSync(join(streams, folder)).filter((name) => name.endsWith('.index'))
  return join(streams, folder, indexes.sort().at(-1) ?? '')
}

import { setTimeout as sleep } from 'node:timers/promises'
import { assertNothingLeft, startRabbitMq, until } from '@rabble/harness'
import { connect } from 'amqplib'
import t, { type Test } from 'tap'
import { codeOf, event, follow, offsetsGrow, patientLimits } from '../../src/conformance/fixture.ts'
import type { OpenOptions } from '../../src/conformance/index.ts'
import { connectRabbitMqLog, type EventLog, type Retention } from '../../src/index.ts'
import { blockedFrame, startProxy, unblockedFrame } from '../proxy.ts'

assertNothingLeft(t)

const patience = 60_000
const broker = await startRabbitMq(t)

interface Options extends OpenOptions {
  url?: string
  prefix: string
  retention?: Partial<Retention>
}

/** A log, and all that it tells. */
async function build(t: Test, options: Options) {
  const logged: { level: string; fields: object; message: string }[] = []
  const told: unknown[][] = []
  const to = (level: string) => (fields: object, message: string) => logged.push({ level, fields, message })
  const log = await connectRabbitMqLog({
    url: broker.url,
    ...options,
    limits: { ...patientLimits, ...options.limits },
    logger: { info: to('info'), warn: to('warn'), error: to('error') },
    observer: {
      retried: (events) => told.push(['retried', events]),
      refused: (events, reason) => told.push(['refused', events, reason]),
      connection: (role, up) => told.push(['connection', role, up]),
      gap: (...where) => told.push(['gap', ...where]),
    },
  })
  t.teardown(() => log.close())
  return {
    log,
    logged,
    told,
    count: (...what: unknown[]) => told.filter((entry) => same(entry, what)).length,
  }
}

/** An outage is two lines, however many notice it and however often they try; there may be another one after it. */
function areOutages(logged: readonly { level: string }[]): boolean {
  return logged.every(({ level }, index) => level === (index % 2 === 0 ? 'warn' : 'info'))
}

function same(entry: unknown[], start: unknown[]): boolean {
  return start.every((value, i) => entry[i] === value)
}

/** Does something at the broker, as an operator would. */
async function administrate(work: (channel: import('amqplib').Channel) => Promise<unknown>): Promise<void> {
  const connection = await connect(broker.url)
  await work(await connection.createChannel())
  await connection.close()
}

t.test('the log is there at once and tells why it is not connected; the password is nowhere', async (t) => {
  const { log, logged } = await build(t, {
    prefix: 'nowhere',
    url: 'amqp://ada:pass%2Fword@127.0.0.1:1/',
    limits: { publishTimeout: 200 },
  })
  t.match(log.status(), { connected: false })
  t.equal(await codeOf(log.publish(event('1'))), 'unavailable')
  await until(() => log.status().reason?.includes('ECONNREFUSED') === true, patience, 'the reason')
  const wrong = await build(t, {
    prefix: 'nowhere',
    url: `amqp://ada:pass%2Fword@127.0.0.1:${broker.port}`,
    limits: { publishTimeout: 200 },
  })
  await until(() => wrong.log.status().reason?.includes('ACCESS') === true, patience, 'a refusal')
  await wrong.log.close()
  await log.close()
  t.equal(logged.length, 1, 'logged once')
  const all = JSON.stringify([logged, wrong.logged, log.status(), wrong.log.status()])
  t.notMatch(all, /pass|word/i)
  for (const url of ['http://ada:pass@host', 'ada:pass@host', '']) {
    await t.rejects(connectRabbitMqLog({ url }), { message: /^the URL of RabbitMQ must be amqp:/ })
    await connectRabbitMqLog({ url }).catch((error) => t.notMatch(JSON.stringify(error) + error, /ada:pass/))
  }
})

t.test('a confirm that is lost with its connection: the batch is sent again', async (t) => {
  const proxy = await startProxy(t, broker.url)
  const { log, count, logged, told } = await build(t, { prefix: 'cut', url: proxy.url })
  const reader = follow(t, log, 'first')
  await log.publish(event('1'))
  await reader.seen(1)
  const publishing = proxy.connections.find(({ publishes }) => publishes)
  publishing?.hold('down')
  const second = log.publish(event('2'))
  const third = log.publish(event('3'))
  await reader.seen(2)
  for (const connection of [...proxy.connections]) connection.cut()
  await Promise.all([second, third])
  await reader.seen(4)
  t.same(reader.ids(), ['1', '2', '2', '3'], 'twice, because nobody knew that it was there')
  t.ok(offsetsGrow(reader.batches))
  t.ok(count('retried') > 0, JSON.stringify([told, logged]))
  await until(() => logged.length > 1, patience, 'the second line of the outage')
  t.ok(areOutages(logged), JSON.stringify(logged))
})

t.test('a channel that dies alone, with a publish unconfirmed', async (t) => {
  const { log, count } = await build(t, { prefix: 'channel' })
  const reader = follow(t, log, 'first')
  await log.publish(event('1'))
  await reader.seen(1)
  // Publishing to an exchange that doesn't exist closes the channel.
  await administrate((channel) => channel.deleteExchange('channel.events'))
  await log.publish(event('2'))
  await reader.seen(2)
  t.same(reader.ids(), ['1', '2'])
  t.ok(count('retried') > 0)
  t.equal(count('connection', 'publish'), 1, 'the connection stayed')
})

t.test(
  'a stream that is deleted: made anew, nothing confirmed without it, read from its start',
  async (t) => {
    const { log, count, told } = await build(t, { prefix: 'deleted' })
    const reader = follow(t, log, 'first')
    for (const id of ['1', '2', '3', '4', '5']) await log.publish(event(id))
    await reader.seen(5)
    await administrate((channel) => channel.deleteQueue('deleted.log.0'))
    await log.publish(event('6'))
    await log.publish(event('7'))
    await reader.seen(7)
    t.same(new Set(reader.ids()), new Set(['1', '2', '3', '4', '5', '6', '7']))
    t.same(reader.ids().slice(-2), ['6', '7'])
    t.equal(count('connection', 'publish'), 1)
    t.equal(count('connection', 'read'), 1)
    t.ok(count('gap', 0, 5) > 0, JSON.stringify(told))
  },
)

t.test('no stream is bound: the broker returns the batch, and it is not taken for confirmed', async (t) => {
  const { log, count } = await build(t, { prefix: 'unbound' })
  await log.publish(event('1'))
  await administrate((channel) => channel.unbindQueue('unbound.log.0', 'unbound.events', ''))
  await log.publish(event('2'))
  t.equal(count('retried', 1), 1)
  const reader = follow(t, log, 'first')
  await reader.seen(2)
  t.same(reader.ids(), ['1', '2'])
})

t.test('a log that starts over below the position is read from its start', async (t) => {
  const { log, told } = await build(t, { prefix: 'lower' })
  await log.publish(event('1'))
  await log.publish(event('2'))
  const reader = follow(t, log, { after: 1000 })
  for (let i = 0; reader.lines.length === 0; i++) {
    await log.publish(event(`new-${i}`))
    await sleep(20)
  }
  await reader.seen(3)
  t.same(reader.ids().slice(0, 3), ['1', '2', 'new-0'])
  t.same(reader.batches[0]?.gap, { expected: 1001 })
  t.ok(
    reader.batches.slice(1).every(({ gap }) => gap === undefined),
    'told once',
  )
  t.match(
    told.find(([what]) => what === 'gap'),
    ['gap', 0, 1001, Number],
  )
})

/** Where a log begins of which the broker has deleted something, once it has deleted all that is too much. */
async function firstOffset(t: Test, log: EventLog): Promise<number> {
  const found: number[] = []
  const settled = async () => {
    const reader = follow(t, log, 'first')
    await reader.seen(1)
    found.push(reader.batches[0]?.offset ?? 0)
    await reader.end()
    const last = found.slice(-20)
    return last.length === 20 && new Set(last).size === 1 && (last[0] ?? 0) > 1
  }
  await until(settled, patience, 'some to be gone')
  return found.at(-1) ?? 0
}

t.test('retention passed the position: the reader tells, and goes on', async (t) => {
  const retention = { maxBytes: 500_000, segmentBytes: 100_000 }
  const { log, told } = await build(t, { prefix: 'retention', retention })
  for (let i = 0; i < 40; i++) await log.publish(event(`${i}`, 'general', 'x'.repeat(50_000)))
  const found = await firstOffset(t, log)
  t.notOk(
    told.some(([what]) => what === 'gap'),
    'whoever starts with the first misses nothing',
  )
  const late = follow(t, log, { after: 0 })
  await late.seen(1)
  t.equal(late.batches[0]?.offset, found)
  t.same(late.batches[0]?.gap, { expected: 1 })
  t.same(
    told.filter(([what]) => what === 'gap'),
    [['gap', 0, 1, found]],
  )
  const exact = follow(t, log, { after: found })
  await exact.seen(1)
  t.equal(exact.batches[0]?.offset, found + 1)
  t.equal(told.filter(([what]) => what === 'gap').length, 1)
  const next = follow(t, log, { after: found - 1 })
  await next.seen(1)
  t.equal(next.batches[0]?.offset, found)
  t.equal(next.batches[0]?.gap, undefined, 'the position is gone, but nothing that follows it')
  t.equal(told.filter(([what]) => what === 'gap').length, 1)
})

t.test(
  'connections that are made anew under load: all is there, in order, without a gap or a repeat',
  async (t) => {
    const { log, told, count } = await build(t, { prefix: 'anew' })
    const reader = follow(t, log, 'first')
    const confirmed: string[] = []
    let stop = false
    const publishing = (async () => {
      for (let n = 0; !stop; n++) {
        await log.publish(event(`${n}`))
        confirmed.push(`${n}`)
      }
    })()
    const roles = ['read', 'publish']
    for (let round = 1; round <= 3; round++) {
      await reader.seen(reader.lines.length + 200)
      // What is read may have been published before the last time.
      const up = () => roles.every((role) => count('connection', role, true) >= round)
      await until(() => up() && log.status().connected, patience, 'both connections to be there')
      log.reconnect('it does not arrive')
      const down = () => roles.every((role) => count('connection', role, false) >= round)
      await until(down, patience, 'both to be given up')
    }
    await reader.seen(reader.lines.length + 200)
    stop = true
    await publishing
    await until(() => new Set(reader.ids()).size === confirmed.length, patience, 'all to be read')
    t.ok(count('connection', 'read', false) >= 3)
    t.ok(count('connection', 'publish', false) >= 3)
    // What was unconfirmed may stand in the log twice, but in its place.
    t.same([...new Set(reader.ids())], confirmed)
    t.ok(offsetsGrow(reader.batches))
    t.same(
      told.filter(([what]) => what === 'gap'),
      [],
    )
  },
)

t.test(
  'signals that nobody hears because their exchange was made anew are heard after a reconnect',
  async (t) => {
    const { log } = await build(t, { prefix: 'unheard' })
    const other = await build(t, { prefix: 'unheard' })
    let sent = 0
    /** The newest signal that was heard of those that were sent. */
    const listen = (to: EventLog) => {
      let newest = 0
      to.onSignal((signal) => {
        newest = Math.max(newest, (signal as { number?: number }).number ?? 0)
      })
      return () => newest
    }
    const heard = listen(log)
    const signalled = (newest: () => number, above: number) => () => {
      const signal = { type: 'typing', number: ++sent }
      other.log.signal(signal)
      return newest() > above
    }
    await until(signalled(heard, 0), patience, 'a signal')
    await administrate((channel) => channel.deleteExchange('unheard.signals'))
    const before = sent
    // Who listens only now hears them, so they are sent, and to an exchange that is there.
    const late = await build(t, { prefix: 'unheard' })
    const heardLate = listen(late.log)
    for (let n = 0; n < 20; n++) {
      await until(signalled(heardLate, Math.max(before, heardLate())), patience, 'a signal for who came late')
    }
    t.ok(heard() <= before)
    t.match(log.status(), { connected: true })
    log.reconnect('signals do not arrive')
    await until(signalled(heard, before), patience, 'a signal')
  },
)

t.test('a new log that has grown past the position is not taken for the old one', async (t) => {
  const proxy = await startProxy(t, broker.url)
  const { log, told } = await build(t, { prefix: 'grown', url: proxy.url })
  const writer = await build(t, { prefix: 'grown' })
  const reader = follow(t, log, 'first')
  for (const id of ['1', '2', '3']) await writer.log.publish(event(id))
  await reader.seen(3)
  // The reader doesn't hear of it until the new log has an offset 2 of its own.
  for (const connection of proxy.connections) connection.hold('down')
  await administrate((channel) => channel.deleteQueue('grown.log.0'))
  for (const id of ['4', '5', '6', '7']) await writer.log.publish(event(id))
  for (const connection of [...proxy.connections]) connection.cut()
  await reader.seen(7)
  t.same(reader.ids(), ['1', '2', '3', '4', '5', '6', '7'])
  t.same(reader.batches[3]?.gap, { expected: 3 })
  t.same(
    told.filter(([what]) => what === 'gap'),
    [['gap', 0, 3, 2]],
  )
})

t.test('a log that starts over, and to which nothing comes, is read from its start too', async (t) => {
  const { log, told } = await build(t, { prefix: 'silent' })
  // Many at once, which are chunks of many batches.
  await Promise.all(Array.from({ length: 300 }, (_, n) => log.publish(event(`${n}`))))
  const reader = follow(t, log, { after: 1000 })
  await reader.seen(300)
  t.same(new Set(reader.ids()).size, 300)
  t.same(reader.batches[0]?.gap, { expected: 1001 })
  t.equal(told.filter(([what]) => what === 'gap').length, 1)
})

t.test('a broker that is slow to deliver has lost nothing', async (t) => {
  const proxy = await startProxy(t, broker.url)
  const { log, told } = await build(t, { prefix: 'late', url: proxy.url })
  const writer = await build(t, { prefix: 'late' })
  const reader = follow(t, log, 'first')
  for (const id of ['1', '2', '3']) await writer.log.publish(event(id))
  await reader.seen(3)
  proxy.onConnection = (connection) => connection.holdDeliveries()
  for (const connection of [...proxy.connections]) connection.cut()
  await until(() => proxy.connections.some(({ holds }) => holds), patience, 'the reader to be back')
  // Longer than a reader waits for the batch that it has before it asks where the log ends.
  await sleep(5_000)
  for (const connection of proxy.connections) connection.release('down')
  await writer.log.publish(event('4'))
  await reader.seen(4)
  t.same(reader.ids(), ['1', '2', '3', '4'])
  t.same(
    told.filter(([what]) => what === 'gap'),
    [],
  )
})

t.test('a stream with another retention is used as it is, with one warning', async (t) => {
  const first = await build(t, { prefix: 'other' })
  await first.log.publish(event('1'))
  const { log, logged } = await build(t, { prefix: 'other', retention: { maxAge: 1000 } })
  await log.publish(event('2'))
  const reader = follow(t, log, 'first')
  await reader.seen(2)
  t.same(reader.ids(), ['1', '2'])
  t.match(logged, [{ level: 'warn', fields: { stream: 'other.log.0' } }])
})

t.test('a queue that is no stream is not used', async (t) => {
  await administrate((channel) => channel.assertQueue('classic.log.0', { durable: true }))
  const { log } = await build(t, { prefix: 'classic', limits: { publishTimeout: 500 } })
  t.equal(await codeOf(log.publish(event('1'))), 'unavailable')
  const refused = () => /x-queue-type|inequivalent/.test(log.status().reason ?? '')
  await until(refused, patience, 'the broker to refuse the stream')
  t.match(log.status(), { connected: false })
})

t.test('a broker that blocks publishing: told, refused in time, and readers go on', async (t) => {
  const proxy = await startProxy(t, broker.url)
  const { log } = await build(t, { prefix: 'blocked', url: proxy.url, limits: { publishTimeout: 300 } })
  const other = await build(t, { prefix: 'blocked' })
  const reader = follow(t, log, 'first')
  // What is published again because its confirm came late is there twice.
  const ids = () => [...new Set(reader.ids())]
  while ((await codeOf(log.publish(event('1')))) !== undefined);
  const publishing = proxy.connections.find(({ publishes }) => publishes)
  publishing?.hold('up')
  publishing?.inject(blockedFrame('low on memory'))
  const blocked = () => log.status().reason === 'blocked by the broker: low on memory'
  // First, since a connection that confirms nothing, and doesn't say why, would be given up.
  await until(blocked, patience, 'the log to tell')
  t.match(log.status(), { connected: false })
  t.equal(await codeOf(log.publish(event('2'))), 'unavailable')
  await other.log.publish(event('3'))
  await until(() => ids().length === 2, patience, 'what somebody else published')
  t.same(ids(), ['1', '3'])
  publishing?.release('up')
  while ((await codeOf(log.publish(event('4')))) !== undefined);
  publishing?.inject(unblockedFrame)
  await until(() => log.status().connected, patience, 'the log to be connected')
  while ((await codeOf(log.publish(event('5')))) !== undefined);
  await until(() => ids().length === 5, patience, 'all of them')
  t.same(ids(), ['1', '3', '2', '4', '5'])
})

t.test('a real memory alarm', async (t) => {
  const poor = await startRabbitMq(t, { settings: ['{vm_memory_high_watermark, {absolute, 1000000}}'] })
  const { log } = await build(t, { prefix: 'poor', url: poor.url, limits: { publishTimeout: 1000 } })
  // Again and again, since the broker tells only those that publish.
  const blocked = async () => {
    await codeOf(log.publish(event('1')))
    return log.status().reason?.startsWith('blocked by the broker: low on memory') === true
  }
  await until(blocked, patience, 'the log to tell')
  t.match(log.status(), { connected: false })
  t.equal(await codeOf(log.publish(event('2'))), 'unavailable')
  await log.close()
})

t.test('what was acknowledged is not acknowledged again, which would close the channel', async (t) => {
  const { log, logged } = await build(t, { prefix: 'idle' })
  const reader = follow(t, log, 'first')
  for (let i = 1; i <= 200; i++) await log.publish(event(`${i}`))
  await reader.seen(200)
  // Acknowledging happens when idle, too, about once a second.
  await sleep(2500)
  await log.publish(event('last'))
  await reader.seen(201)
  t.same(logged, [])
})

t.test('a reader that does not go on holds no more than its window', async (t) => {
  const { log } = await build(t, { prefix: 'slow', limits: { publishTimeout: 60_000 } })
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const steps = log.read(0, 'first', stop.signal)[Symbol.asyncIterator]()
  await log.publish(event('0'))
  await steps.next()
  const megabytes = 192
  const text = 'x'.repeat(250_000)
  for (let i = 0; i < megabytes; i++) {
    await Promise.all([1, 2, 3, 4].map((n) => log.publish(event(`${i}-${n}`, 'general', text))))
  }
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const held = process.memoryUsage().arrayBuffers / 1e6
  t.ok(held < 96, `${held.toFixed(0)} MB for ${megabytes} in the log`)
  let seen = 0
  while (seen < 4 * megabytes) {
    const step = await steps.next()
    for (const { entries } of step.value ?? []) seen += entries.length
  }
  t.equal(seen, 4 * megabytes)
})

t.test('a broker that froze: refused in time, and all goes on once it is noticed or thaws', async (t) => {
  const { log, count } = await build(t, {
    prefix: 'frozen',
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
  while (!reader.ids().includes('3')) await sleep(20)
  t.ok(offsetsGrow(reader.batches))
})

t.test(
  'kill -9 of the broker under load: what was confirmed is there, readers have no gap and no repeat',
  async (t) => {
    const options = { prefix: 'kill', limits: { publishTimeout: 1000 } }
    const logs = [await build(t, options), await build(t, options)]
    const readers = logs.map(({ log }) => follow(t, log, 'first'))
    const confirmed: string[] = []
    let stop = false
    let retries = 0
    const publishers = logs.flatMap(({ log }, i) =>
      Array.from({ length: 10 }, async (_, j) => {
        for (let n = 0; !stop; n++) {
          const id = `${i}-${j}-${n}`
          while ((await codeOf(log.publish(event(id)))) !== undefined) retries++
          confirmed.push(id)
          await sleep(1)
        }
      }),
    )
    await until(() => confirmed.length > 2000, 120_000, 'some load')
    await broker.kill()
    await broker.restart()
    const before = confirmed.length
    await until(() => confirmed.length > before + 2000, 120_000, 'more load')
    stop = true
    await Promise.all(publishers)
    t.ok(retries > 0, `${retries} were refused meanwhile`)

    const fresh = follow(t, (await build(t, options)).log, 'first')
    const last = confirmed.at(-1)
    for (const reader of [...readers, fresh]) {
      while (new Set(reader.ids()).size < confirmed.length) await reader.seen(reader.lines.length + 1)
    }
    // Behind the last one there may be some that were published again, because their confirms came late.
    const offsetsOf = ({ batches }: typeof fresh) => batches.map(({ offset }) => offset)
    const agree = () => readers.every((reader) => offsetsOf(reader).join() === offsetsOf(fresh).join())
    await until(agree, patience, 'all to have read as far').catch(() => {})
    const offsets = offsetsOf(fresh)
    t.ok(offsetsGrow(fresh.batches))
    t.same(
      [...new Set(fresh.ids())].sort(),
      [...confirmed].sort(),
      `all of ${confirmed.length}, the last ${last}`,
    )
    for (const reader of readers) t.same(offsetsOf(reader), offsets, 'no gap, no repeat')
    for (const { logged, count } of logs) {
      await until(() => logged.length > 1, patience, 'the second line of the outage')
      t.ok(areOutages(logged), `one outage is two lines: ${JSON.stringify(logged)}`)
      t.equal(count('gap'), 0)
    }
  },
)

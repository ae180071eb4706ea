import { setImmediate as turn } from 'node:timers/promises'
import { assertNothingLeft, sharedRabbitMq, until } from '@rabble/harness'
import t from 'tap'
import { codeOf, during, event, follow, offsetsGrow } from '../../src/conformance/fixture.ts'
import { connectRabbitMqLog, type EventLog } from '../../src/index.ts'
import { channelOpened, closeFrame, connectionOpened, startProxy } from '../proxy.ts'
import { administrate, areOutages, build, buildWithClock, timeout } from './build.ts'

// Tests of lost and closed connections and channels. No test here harms the broker itself.

assertNothingLeft(t)

const broker = await sharedRabbitMq(t)
const { url } = broker

t.test('the log is there at once and tells why it is not connected; the password is nowhere', async (t) => {
  const { log, logged, clock } = await buildWithClock(t, {
    prefix: 'nowhere',
    connects: false,
    url: 'amqp://ada:pass%2Fword@127.0.0.1:1/',
    limits: { publishTimeout: 200 },
  })
  t.match(log.status(), { connected: false })
  const code = codeOf(log.publish(event('1')))
  await clock.advance(200)
  t.equal(await code, 'unavailable')
  await until(() => log.status().reason?.includes('ECONNREFUSED') === true, timeout, 'the reason')
  const wrong = await build(t, {
    prefix: 'nowhere',
    url: `amqp://ada:pass%2Fword@${new URL(url).host}`,
  })
  await until(() => wrong.log.status().reason?.includes('ACCESS') === true, timeout, 'a refusal')
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

t.test(
  'a new log is made without an outage, by the connection that reads and the one that publishes',
  async (t) => {
    const logs = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        const { log, logged } = await build(t, { prefix: `new-${n}`, url })
        const reader = follow(t, log, 'first')
        await log.publish(event('1'))
        await reader.seen(1)
        return logged
      }),
    )
    t.same(logs.flat(), [])
  },
)

t.test('a refusal of the broker is told in its own words', async (t) => {
  const { log } = await build(t, {
    prefix: 'nowhere',
    url: Object.assign(new URL(url), { pathname: '/nope' }).href,
  })
  await until(() => /vhost nope not found/.test(log.status().reason ?? ''), timeout, 'the reason')
})

t.test(
  'the broker closes connections just as they, or their channels, are opened: nothing throws',
  async (t) => {
    const proxy = await startProxy(t, url)
    const errors = [closeFrame(541, 'INTERNAL_ERROR'), closeFrame(320, 'CONNECTION_FORCED')]
    const endings = errors.flatMap((error) => [
      { method: connectionOpened, count: 1, error },
      // Each log opens up to four channels on one connection at its start, and each may be the last.
      ...[1, 2, 3, 4].map((count) => ({ method: channelOpened, count, error })),
    ])
    const waiting = [...endings, ...endings]
    proxy.onConnection = (connection) => {
      const ending = waiting.shift()
      if (ending) connection.endWith(ending.method, ending.count, ending.error)
    }
    const { log, clock } = await buildWithClock(t, { prefix: 'closing', url: proxy.url })
    const reader = follow(t, log, 'first')
    let heard = false
    log.onSignal(() => {
      heard = true
    })
    const thrown: unknown[] = []
    const signals = setInterval(() => {
      try {
        log.signal({ type: 'typing', room: 'general', user: { id: 'ada', name: 'Ada' } })
      } catch (error) {
        thrown.push(error)
      }
    }, 1)
    t.teardown(() => clearInterval(signals))
    await during(clock, Promise.all([log.publish(event('1')), reader.seen(1)]))
    await during(
      clock,
      until(() => waiting.length === 0 && log.status().connected && heard, timeout, 'a signal'),
    )
    t.same(thrown, [])
  },
)

t.test('a confirm that is lost with its connection: what came back is there, the rest is sent', async (t) => {
  const proxy = await startProxy(t, url)
  const { log, count, logged, clock } = await buildWithClock(t, { prefix: 'cut', url: proxy.url })
  const reader = follow(t, log, 'first')
  await log.publish(event('1'))
  await during(clock, reader.seen(1))
  const publishing = proxy.connections.find(({ publishes }) => publishes)
  publishing?.hold('down')
  const second = log.publish(event('2'))
  const third = log.publish(event('3'))
  await reader.seen(2)
  for (const connection of [...proxy.connections]) connection.cut()
  await during(clock, Promise.all([second, third, reader.seen(3)]))
  t.same(reader.ids(), ['1', '2', '3'])
  t.ok(offsetsGrow(reader.batches))
  t.equal(count('contradicted'), 0, 'nobody refused it')
  await during(
    clock,
    until(() => logged.length > 1, timeout, 'the second line of the outage'),
  )
  t.ok(areOutages(logged), JSON.stringify(logged))
})

t.test('a confirm that is lost and nothing that came back: the batch is sent again', async (t) => {
  const proxy = await startProxy(t, url)
  const { log, count, clock } = await buildWithClock(t, { prefix: 'unread', url: proxy.url })
  const other = await build(t, { prefix: 'unread', url })
  const reader = follow(t, other.log, 'first')
  await log.publish(event('1'))
  proxy.connections[0]?.hold('down')
  const second = log.publish(event('2'))
  await reader.seen(2)
  proxy.connections[0]?.cut()
  await during(clock, Promise.all([second, reader.seen(3)]))
  t.same(reader.ids(), ['1', '2', '2'], 'twice, because nobody knew that it was there')
  t.ok(count('retried') > 0)
})

t.test('a channel that dies alone, with a publish unconfirmed', async (t) => {
  const { log, count } = await build(t, { prefix: 'channel', url })
  const reader = follow(t, log, 'first')
  await log.publish(event('1'))
  await reader.seen(1)
  // Publishing to an exchange that doesn't exist closes the channel.
  await administrate(broker, (channel) => channel.deleteExchange('channel.events'))
  await log.publish(event('2'))
  await reader.seen(2)
  t.same(reader.ids(), ['1', '2'])
  t.ok(count('retried') > 0)
  t.equal(count('connection', 'publish'), 1, 'the connection stayed')
})

t.test(
  'connections that are made anew under load: all is there, in order, without a gap or a repeat',
  async (t) => {
    const { log, count, gaps, clock } = await buildWithClock(t, { prefix: 'anew', url })
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
      await during(clock, reader.seen(reader.lines.length + 50))
      // Events that are read now may have been published before the last reconnect.
      const up = () =>
        roles.every((role) => count('connection', role, true) >= round) && log.status().connected
      await during(clock, until(up, timeout, 'both connections to be there'))
      log.reconnect('it does not arrive')
      const down = () => roles.every((role) => count('connection', role, false) >= round)
      await until(down, timeout, 'both to be given up')
    }
    await during(clock, reader.seen(reader.lines.length + 50))
    stop = true
    await during(clock, publishing)
    const all = () => new Set(reader.ids()).size === confirmed.length
    await during(clock, until(all, timeout, 'all to be read'))
    // An unconfirmed event may be in the log twice, but in its order.
    t.same([...new Set(reader.ids())], confirmed)
    t.ok(offsetsGrow(reader.batches))
    t.same(gaps(), [])
  },
)

t.test(
  'signals that nobody hears because their exchange was made anew are heard after a reconnect',
  async (t) => {
    const { log } = await build(t, { prefix: 'unheard', url })
    const other = await build(t, { prefix: 'unheard', url })
    let sent = 0
    /** Listens for signals. Returns a function for the highest number received so far. */
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
    await until(signalled(heard, 0), timeout, 'a signal')
    await administrate(broker, (channel) => channel.deleteExchange('unheard.signals'))
    const before = sent
    // A log that begins to listen only now receives them, so they are sent, and to an exchange that exists.
    const late = await build(t, { prefix: 'unheard', url })
    const heardLate = listen(late.log)
    for (let n = 0; n < 5; n++) {
      await until(signalled(heardLate, Math.max(before, heardLate())), timeout, 'a signal for the late one')
    }
    t.ok(heard() <= before)
    t.match(log.status(), { connected: true })
    log.reconnect('signals do not arrive')
    await until(signalled(heard, before), timeout, 'a signal')
  },
)

t.test('what was acknowledged is not acknowledged again, which would close the channel', async (t) => {
  const { log, logged, clock } = await buildWithClock(t, { prefix: 'idle', url })
  const reader = follow(t, log, 'first')
  for (let i = 1; i <= 100; i++) await log.publish(event(`${i}`))
  await during(clock, reader.seen(100))
  // The reader requests more once it has processed its batches.
  await turn()
  // It also acknowledges when idle, about once a second.
  await clock.advance(3000)
  // Tries twice, since the broker may deliver one more before it closes a channel.
  for (const count of [101, 102]) {
    await log.publish(event(`${count}`))
    await reader.seen(count)
  }
  t.same(logged, [])
})

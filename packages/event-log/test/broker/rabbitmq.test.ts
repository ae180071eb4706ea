import { systemClock } from '@rabble/clock'
import { assertNothingLeft, sharedRabbitMq, until } from '@rabble/harness'
import { connect } from 'amqplib'
import t from 'tap'
import { event, follow, longTimeouts } from '../../src/conformance/fixture.ts'
import { testEventLog } from '../../src/conformance/index.ts'
import { connectRabbitMqLog } from '../../src/index.ts'
import { startProxy } from '../proxy.ts'
import { build, timeout } from './build.ts'

// No test here harms the broker itself.

assertNothingLeft(t)

const broker = await sharedRabbitMq(t)

t.test('the RabbitMQ log conforms', async (t) => {
  let number = 0
  testEventLog(t, async (t) => {
    const prefix = `conformance-${number++}`
    // Freezes the broker only for this log, since others may use it too.
    const proxy = await startProxy(t, broker.url)
    return {
      async open(options) {
        const limits = { ...longTimeouts, ...options?.limits }
        const log = await connectRabbitMqLog({ ...options, limits, url: proxy.url, prefix })
        t.teardown(() => log.close())
        return log
      },
      async inject(text) {
        const connection = await connect(broker.url)
        const channel = await connection.createConfirmChannel()
        channel.publish(`${prefix}.events`, '', Buffer.from(text))
        await channel.waitForConfirms()
        await connection.close()
      },
      freeze() {
        for (const connection of proxy.connections) {
          connection.hold('up')
          connection.hold('down')
        }
      },
      thaw() {
        for (const connection of proxy.connections) {
          connection.release('up')
          connection.release('down')
        }
      },
    }
  })
})

t.test('the age of events goes by the clock of the broker, whatever that of the reader says', async (t) => {
  const { log } = await build(t, { prefix: 'ages', url: broker.url })
  await log.publish(event('1'))
  for (const ahead of [600_000, -600_000]) {
    const clock = { ...systemClock, now: () => systemClock.now() + ahead }
    const other = await connectRabbitMqLog({ url: broker.url, prefix: 'ages', clock })
    t.teardown(() => other.close())
    const reader = follow(t, other, { age: 300_000 })
    // A reader that attaches too late gets these.
    for (let n = 0; reader.lines.length === 0; n++) {
      await log.publish(event(`${ahead}/${n}`))
      await clock.sleep(50)
    }
    t.equal(reader.ids()[0], '1', `${ahead} ms ahead`)
  }
})

t.test('a reader that does not go on is sent no more than its window', async (t) => {
  const proxy = await startProxy(t, broker.url)
  const { log } = await build(t, { prefix: 'slow', url: proxy.url })
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const steps = log.read(0, 'first', stop.signal)[Symbol.asyncIterator]()
  await log.publish(event('0'))
  await steps.next()
  // Each event is a batch of its own.
  for (let i = 1; i <= 350; i++) await log.publish(event(`${i}`))
  const reading = proxy.connections.find(({ publishes }) => !publishes)
  await until(() => (reading?.deliveries ?? 0) >= 256, timeout, 'the window to be full')
  const all = follow(t, (await build(t, { prefix: 'slow', url: broker.url })).log, 'first')
  await all.seen(351)
  t.equal(reading?.deliveries, 256, 'the one at its first step was sent no more meanwhile')
  let seen = 1
  while (seen < 351) {
    const step = await steps.next()
    for (const { entries } of step.value ?? []) seen += entries.length
  }
  t.equal(seen, 351)
})

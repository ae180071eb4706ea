import { setTimeout as sleep } from 'node:timers/promises'
import { assertNothingLeft, connectChat, startRabbitMq, startService, until } from '@rabble/harness'
import { connect } from 'amqplib'
import t, { type Test } from 'tap'
import { build } from '../build.ts'
import { createMemoryLog, type MemoryLog } from '../memory-log.ts'

assertNothingLeft(t)

const deliveryTimes = { look: 10, quiet: 50, patience: 300 }

interface FragileLog extends MemoryLog {
  /** Why its connections were made anew. */
  reconnects: string[]
  /** After so many of them it hears again. */
  attempts: number
  /** How often a gateway has looked how it is: all that it counts, it counts in such looks. */
  looks: number
}

/** A log that may become deaf. */
function createFragileLog(): FragileLog {
  const log = createMemoryLog(2)
  const { status } = log
  const fragile: FragileLog = Object.assign(log, {
    reconnects: [],
    attempts: Number.POSITIVE_INFINITY,
    looks: 0,
    status(this: FragileLog) {
      this.looks++
      return status.call(this)
    },
    reconnect(this: FragileLog, reason: string) {
      if (this.reconnects.push(reason) >= this.attempts) this.deaf = undefined
    },
  })
  return fragile
}

async function buildFragile(t: Test) {
  const log = createFragileLog()
  const gateway = await build(t, { log, deliveryTimes })
  // The first marks come and go.
  await until(() => log.length > 6, 60_000, 'marks to be written')
  t.equal(gateway.gateway.unready(), undefined)
  t.strictSame(log.reconnects, [])
  return { ...gateway, log }
}

t.test(
  'a reader that gets nothing makes its gateway unready, is connected anew, and all is well',
  async (t) => {
    const { gateway, log, metric, ws } = await buildFragile(t)
    const ada = await connectChat(t, ws, { name: 'Ada' })
    await ada.join('general')
    log.deaf = 'log'
    await until(() => gateway.unready() !== undefined, 60_000, 'it to be noticed')
    t.match(gateway.unready(), /^nothing comes from partition \d of the log, which takes events$/)
    await t.rejects(connectChat(t, ws), { message: /503/ }, 'nobody should come here')
    const { id } = await ada.send('general', 'is anybody there?')
    log.attempts = log.reconnects.length + 5
    await until(() => gateway.unready() === undefined, 60_000, 'it to be mended')
    await ada.sees(id)
    t.ok(log.reconnects.length >= log.attempts, 'tried until it helped')
    t.equal(await metric('rabble_gateway_deaf_total', { way: 'log' }), log.reconnects.length)
    t.equal(await metric('rabble_gateway_deaf_total', { way: 'signals' }), 0)
    await connectChat(t, ws)
  },
)

t.test('a log that is down is not made anew: there is nothing to arrive', async (t) => {
  const { gateway, log } = await buildFragile(t)
  const { signal } = log
  let signals = 0
  log.signal = (told) => {
    signals++
    signal.call(log, told)
  }
  log.deaf = 'signals'
  await until(() => signals > 0, 60_000, 'something that does not arrive')
  log.broken = true
  const enough = log.looks + (5 * deliveryTimes.patience) / deliveryTimes.look
  await until(() => log.looks > enough, 60_000, 'the time to pass in which it would be missed')
  t.equal(gateway.unready(), undefined, 'the check of the log tells')
  t.strictSame(log.reconnects, [])
  log.broken = false
  await until(() => log.reconnects.length > 0, 60_000, 'it to be missed once the log is back')
})

t.test('a log in which something happens gets no marks', async (t) => {
  const log = createFragileLog()
  await build(t, { log, deliveryTimes: { look: 10, quiet: 1_000, patience: 10_000 } })
  const before = log.length
  let injected = 0
  // In twice as many looks as silence may last at most, a mark would have come.
  for (const enough = log.looks + 240; log.looks < enough; injected += 2) {
    for (const partition of [0, 1]) log.inject('{"type":"of a later version","room":"x","id":"x"}', partition)
    await sleep(20)
  }
  t.equal(log.length - before, injected)
})

t.test('signals that do not come back are noticed with a real broker, and mended', async (t) => {
  const broker = await startRabbitMq(t)
  const env = { RABBLE_AMQP_URL: broker.url, LOG_LEVEL: 'info' }
  const start = () => startService(t, 'gateway', env)
  const [one, two] = await Promise.all([start(), start()])
  const ada = await connectChat(t, one.url, { name: 'Ada' })
  const bob = await connectChat(t, two.url, { name: 'Bob' })
  await Promise.all([ada.join('general'), bob.join('general')])
  const typed = () => bob.frames.filter(({ type }) => type === 'typing').length
  await until(
    async () => {
      ada.raw('{"type":"typing","room":"general"}')
      return typed() > 0
    },
    60_000,
    'a signal to arrive',
  )

  const connection = await connect(broker.url)
  const channel = await connection.createChannel()
  // The one that takes its place brings nothing to anybody, and can't be made what it should be: so nothing is mended before
  // it was seen here.
  await Promise.all([
    channel.deleteExchange('rabble.signals'),
    channel.assertExchange('rabble.signals', 'direct', { durable: true }),
  ])
  for (const { url } of [one, two]) {
    const check = async () => {
      const reply = await fetch(`${url}/readyz`)
      return ((await reply.json()) as { checks: Record<string, string> }).checks.gateway
    }
    await until(
      async () => (await check()) === 'its own signals do not come back',
      60_000,
      'a gateway to notice',
    )
  }
  await channel.deleteExchange('rabble.signals')
  await connection.close()
  // Each notices in its own time.
  await until(
    () => [one, two].every(({ logs }) => logs().includes('it arrives again')),
    60_000,
    'both to be mended',
  )
  await Promise.all([one.ready(), two.ready()])
  const before = typed()
  await until(
    async () => {
      ada.raw('{"type":"typing","room":"general"}')
      return typed() > before
    },
    60_000,
    'signals to arrive again',
  )
  const { id } = await ada.send('general', 'the sessions are those they were')
  await bob.sees(id)
  for (const { url, logs } of [one, two]) {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    t.match(metrics, /^rabble_gateway_deaf_total\{way="signals"\} [1-9]\d*$/m)
    t.match(metrics, /^rabble_gateway_deaf_total\{way="log"\} 0$/m)
    const lines = logs().split('\n')
    t.equal(lines.filter((line) => line.includes('connecting anew until')).length, 1, 'told once')
    t.equal(lines.filter((line) => line.includes('it arrives again')).length, 1)
  }
})

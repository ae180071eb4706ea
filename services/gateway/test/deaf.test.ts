import { setTimeout as sleep } from 'node:timers/promises'
import { assertNothingLeft, connectChat, startRabbitMq, startService, until } from '@rabble/harness'
import { connect } from 'amqplib'
import t, { type Test } from 'tap'
import { build } from './build.ts'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'

assertNothingLeft(t)

const deliveryTimes = { look: 10, quiet: 50, patience: 300 }

/** A log that may become deaf, and hears again only when its connections are made anew as often as is told. */
function createFragileLog(attempts: number): MemoryLog & { reconnects: string[] } {
  const reconnects: string[] = []
  return Object.assign(createMemoryLog(2), {
    reconnects,
    reconnect(this: MemoryLog, reason: string) {
      if (reconnects.push(reason) === attempts) this.deaf = undefined
    },
  })
}

async function buildFragile(t: Test, attempts = 5) {
  const log = createFragileLog(attempts)
  const gateway = await build(t, { log, deliveryTimes })
  // The first marks come and go.
  await until(() => log.length > 6, 5_000, 'marks to be written')
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
    await until(() => gateway.unready() !== undefined, 5_000, 'it to be noticed')
    t.match(gateway.unready(), /^nothing comes from partition \d of the log, which takes events$/)
    await t.rejects(connectChat(t, ws), { message: /503/ }, 'nobody should come here')
    const { id } = await ada.send('general', 'is anybody there?')
    await until(() => gateway.unready() === undefined, 5_000, 'it to be mended')
    await ada.sees(id)
    t.ok(log.reconnects.length >= 5, 'tried until it helped')
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
  await until(() => signals > 0, 5_000, 'something that does not arrive')
  log.broken = true
  await sleep(5 * deliveryTimes.patience)
  t.equal(gateway.unready(), undefined, 'the check of the log tells')
  t.strictSame(log.reconnects, [])
  log.broken = false
  await until(() => log.reconnects.length > 0, 5_000, 'it to be missed once the log is back')
})

t.test('a log in which something happens gets no marks', async (t) => {
  const log = createFragileLog(1)
  await build(t, { log, deliveryTimes: { look: 10, quiet: 2_000, patience: 10_000 } })
  const before = log.length
  let injected = 0
  for (; injected < 400; injected += 2) {
    for (const partition of [0, 1]) log.inject('{"type":"of a later version","room":"x","id":"x"}', partition)
    await sleep(20)
  }
  t.equal(log.length - before, injected)
})

t.test('signals that do not come back are noticed with a real broker, and mended', async (t) => {
  const broker = await startRabbitMq(t)
  const env = { RABBLE_AMQP_URL: broker.url, LOG_LEVEL: 'info' }
  const [one, two] = await Promise.all([startService(t, 'gateway', env), startService(t, 'gateway', env)])
  const ada = await connectChat(t, one.url, { name: 'Ada' })
  const bob = await connectChat(t, two.url, { name: 'Bob' })
  await Promise.all([ada.join('general'), bob.join('general')])
  const typed = () => bob.frames.filter(({ type }) => type === 'typing').length
  await until(
    async () => {
      ada.raw('{"type":"typing","room":"general"}')
      return typed() > 0
    },
    10_000,
    'a signal to arrive',
  )

  const connection = await connect(broker.url)
  await (await connection.createChannel()).deleteExchange('rabble.signals')
  await connection.close()
  const checks = async () => {
    const reply = await fetch(`${two.url}/readyz`)
    return (await reply.json()) as { status: string; checks: Record<string, string> }
  }
  let seen = await checks()
  await until(
    async () => {
      seen = await checks()
      return seen.status !== 'ok'
    },
    30_000,
    'a gateway to notice',
  )
  t.equal(seen.checks.gateway, 'its own signals do not come back')
  // Each notices in its own time.
  await until(
    () => [one, two].every(({ logs }) => logs().includes('it arrives again')),
    30_000,
    'both to be mended',
  )
  await Promise.all([one.ready(), two.ready()])
  const before = typed()
  await until(
    async () => {
      ada.raw('{"type":"typing","room":"general"}')
      return typed() > before
    },
    10_000,
    'signals to arrive again',
  )
  const { id } = await ada.send('general', 'the sessions are those they were')
  await bob.sees(id)
  for (const { url, logs } of [one, two]) {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    t.match(metrics, /^rabble_gateway_deaf_total\{way="signals"\} 1$/m)
    t.match(metrics, /^rabble_gateway_deaf_total\{way="log"\} 0$/m)
    const lines = logs().split('\n')
    t.equal(lines.filter((line) => line.includes('connecting anew until')).length, 1, 'told once')
    t.equal(lines.filter((line) => line.includes('it arrives again')).length, 1)
  }
})

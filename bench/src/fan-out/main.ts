import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RabbitMq, startRabbitMq, startService, type TestContext } from '@rabble/harness'
import { print, runBench } from '../bench.ts'
import { scrape } from '../metrics.ts'
import { cpuSeconds, machineSeconds } from '../usage.ts'
import { type Load, startGenerator } from './generator.ts'
import { type WireName, wireNames } from './wire.ts'

/** Both extremes: a delivery costs less the more members get a message, and the more messages arrive at once. */
const shapesOf = (members: number): Readonly<Record<string, Shape>> => ({
  'one big room': { rooms: 1, members, senders: Math.min(members, 16) },
  'many small rooms': { rooms: Math.ceil(members / 5), members: 5, senders: 5 },
})
type Shape = Omit<Load, 'port' | 'transport'>
const rates = { RABBLE_MESSAGES_PER_SECOND: '1000000', RABBLE_MESSAGE_BURST: '1000000' }

await runBench({
  name: 'fan-out',
  help: 'cost of handing a message to a member for one gateway, in one big room and in many small ones',
  options: {
    members: { default: '1000', rule: /^[1-9]\d{0,3}$/, help: 'sessions in all' },
    seconds: { default: '10', rule: /^[1-9]\d{0,2}$/, help: 'to measure for, each' },
    transport: {
      default: 'websocket',
      rule: new RegExp(`^(${wireNames.join('|')})$`),
      help: `of the members: ${wireNames.join(', ')}`,
    },
    warmup: { default: '3', rule: /^\d{1,2}$/, help: 'seconds of the same load before' },
  },
  async run(t, values) {
    const [seconds, warmup] = [Number(values.seconds), Number(values.warmup)]
    const transport = values.transport as WireName
    const rabbitmq = await startRabbitMq(t)
    const results: Record<string, Awaited<ReturnType<typeof measure>>> = {}
    for (const [name, load] of Object.entries(shapesOf(Number(values.members)))) {
      const result = await measure(t, rabbitmq, { ...load, transport }, { seconds, warmup })
      results[name] = result
      print(`${name}: ${load.rooms} of ${load.members} members, of whom ${load.senders} send`)
      for (const [what, value] of Object.entries(result)) print(`  ${what.padEnd(28)} ${value}`)
    }
    const [big, small] = Object.values(results).map(({ gatewayMicroseconds }) => gatewayMicroseconds)
    const ratio = round((small ?? 0) / (big ?? 1))
    print(`a delivery in a small room costs the gateway ${ratio} times one in the big room`)
    return {
      transport,
      members: Number(values.members),
      seconds,
      cpus: availableParallelism(),
      shapes: results,
      ratio,
    }
  },
})

/** Measures with a new gateway and a new log, so that the gateway doesn't first read events of the run before. */
async function measure(
  t: TestContext,
  rabbitmq: RabbitMq,
  load: Omit<Load, 'port'>,
  times: { seconds: number; warmup: number },
) {
  const env = {
    RABBLE_AMQP_URL: rabbitmq.url,
    RABBLE_PREFIX: `rooms-${load.rooms}`,
    LOG_LEVEL: 'warn',
    ...rates,
  }
  const gateway = await startService(t, 'gateway', env)
  const generator = await startGenerator(t, { ...load, port: gateway.port })

  async function look() {
    const metrics = await scrape(gateway.url)
    return {
      ...(await generator.counts()),
      at: performance.now() / 1_000,
      published: metrics('rabble_gateway_published_events_total'),
      batches: metrics('rabble_gateway_publish_seconds_count'),
      gateway: cpuSeconds(gateway.pid),
      generator: cpuSeconds(generator.pid),
      rabbitmq: cpuSeconds(rabbitmq.pid),
      machine: machineSeconds(),
    }
  }

  await sleep(times.warmup * 1_000)
  const before = await look()
  await sleep(times.seconds * 1_000)
  const after = await look()
  await generator.stop()
  await gateway.stop()

  const more = (what: keyof typeof before) => after[what] - before[what]
  const perSecond = (what: keyof typeof before) => more(what) / more('at')
  if (more('delivered') === 0) throw new Error('nothing was delivered')
  const others =
    perSecond('machine') -
    ['gateway', 'generator', 'rabbitmq'].reduce((sum, who) => sum + perSecond(who as 'gateway'), 0)
  return {
    deliveriesPerSecond: Math.round(perSecond('delivered')),
    messagesPerSecond: Math.round(perSecond('sent')),
    /** CPU time of the gateway per delivery, including all its other work for the message. */
    gatewayMicroseconds: round((more('gateway') / more('delivered')) * 1e6),
    messagesPerBatch: round(more('published') / more('batches')),
    gatewayCores: round(perSecond('gateway')),
    generatorCores: round(perSecond('generator')),
    rabbitmqCores: round(perSecond('rabbitmq')),
    otherCores: round(Math.max(0, others)),
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

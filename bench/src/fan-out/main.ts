import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RabbitMq, startRabbitMq, startService, type TestContext } from '@rabble/harness'
import { print, runBench } from '../bench.ts'
import { scrape } from '../metrics.ts'
import { cpuSeconds, machineSeconds } from '../usage.ts'
import { type ByTransport, comparisonOf, type Figures, printColumns } from './comparison.ts'
import { type Load, startGenerator } from './generator.ts'
import { type TransportName, transportNames } from './transports.ts'

/** Both extremes: a delivery costs less the more members get a message, and the more messages arrive at once. */
const shapesOf = (members: number): Readonly<Record<string, Shape>> => ({
  big: { rooms: 1, members, senders: Math.min(members, 16) },
  small: { rooms: Math.ceil(members / 5), members: 5, senders: 5 },
})
type Shape = Pick<Load, 'rooms' | 'members' | 'senders'>
const rates = { RABBLE_MESSAGES_PER_SECOND: '1000000', RABBLE_MESSAGE_BURST: '1000000' }
const anyName = `(${transportNames.join('|')})`
let runs = 0

await runBench({
  name: 'fan-out',
  help: 'cost of handing a message to a member for one gateway, in one big room and in many small ones',
  options: {
    members: { default: '1000', rule: /^[1-9]\d{0,3}$/, help: 'sessions in all' },
    seconds: { default: '10', rule: /^[1-9]\d{0,2}$/, help: 'to measure for, each' },
    rooms: {
      default: 'big,small',
      rule: /^(big|small)(,(big|small))?$/,
      help: 'one big room, many small ones',
    },
    transport: {
      default: 'websocket',
      rule: new RegExp(`^${anyName}(,${anyName})*$`),
      help: `one or several of ${transportNames.join(',')}, by turns`,
    },
    senders: {
      default: 'same',
      rule: new RegExp(`^(same|${anyName})$`),
      help: 'transport of those who send: the same, or another one, to compare the way down alone',
    },
    rounds: { default: '1', rule: /^[1-9]\d?$/, help: 'to measure all of it; the figures are medians' },
    warmup: { default: '3', rule: /^\d{1,2}$/, help: 'seconds of the same load before' },
  },
  async run(t, values) {
    const times = { seconds: Number(values.seconds), warmup: Number(values.warmup) }
    const sendersTransport = values.senders === 'same' ? undefined : (values.senders as TransportName)
    const names = [...new Set(values.transport.split(','))] as TransportName[]
    const rabbitmq = await startRabbitMq(t)
    const shapes: Record<string, ByTransport<Figures & { timesWebSocket?: number }>> = {}
    for (const [shape, load] of Object.entries(shapesOf(Number(values.members)))) {
      if (!values.rooms.split(',').includes(shape)) continue
      const rounds: ByTransport<Figures>[] = []
      while (rounds.length < Number(values.rounds)) {
        const round: ByTransport<Figures> = {}
        for (const transport of names) {
          round[transport] = await measure(t, rabbitmq, { ...load, transport, sendersTransport }, times)
        }
        rounds.push(round)
      }
      const results = comparisonOf(rounds)
      shapes[shape] = results
      print(`${shape} rooms: ${load.rooms} of ${load.members} members, of whom ${load.senders} send`)
      printColumns(results)
    }
    return {
      members: Number(values.members),
      senders: values.senders,
      seconds: times.seconds,
      rounds: Number(values.rounds),
      cpus: availableParallelism(),
      shapes,
    }
  },
})

/** Measures with a new gateway and a new log, so that the gateway doesn't first read events of the run before. */
async function measure(
  t: TestContext,
  rabbitmq: RabbitMq,
  load: Omit<Load, 'port'>,
  times: { seconds: number; warmup: number },
): Promise<Figures> {
  const env = {
    RABBLE_AMQP_URL: rabbitmq.url,
    RABBLE_PREFIX: `run-${++runs}`,
    RABBLE_COMPRESSION: 'on',
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
    deliveriesPerSecond: perSecond('delivered'),
    messagesPerSecond: perSecond('sent'),
    gatewayMicroseconds: (more('gateway') / more('delivered')) * 1e6,
    bytesPerDelivery: more('bytes') / more('delivered'),
    messagesPerBatch: more('published') / more('batches'),
    gatewayCores: perSecond('gateway'),
    generatorCores: perSecond('generator'),
    rabbitmqCores: perSecond('rabbitmq'),
    otherCores: Math.max(0, others),
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { type ChatClient, connectChat, startCluster, until } from '@rabble/harness'
import { print, runBench } from '../bench.ts'
import { scrape } from '../metrics.ts'
import { startProbe } from './probe.ts'

const room = 'big'
/** Number of clients that say hello at once. */
const atOnce = 50

await runBench({
  name: 'presence',
  help: 'cost for all members of a room when many users join it within seconds, over two gateways',
  options: {
    clients: { default: '2000', rule: /^[1-9]\d{0,4}$/, help: 'that join' },
    seconds: { default: '10', rule: /^[1-9]\d{0,2}$/, help: 'within which they do' },
    quiet: { default: '8', rule: /^[1-9]\d{0,2}$/, help: 'seconds to measure for before and after' },
  },
  async run(t, values) {
    const [clients, seconds, quiet] = [values.clients, values.seconds, values.quiet].map(Number) as [
      number,
      number,
      number,
    ]
    const cluster = await startCluster(t, { histories: 0, nginx: false })
    const gateways = cluster.gateways.map(({ url }) => url)
    const [first = '', second = ''] = gateways
    const probe = await startProbe(t, { from: first, to: second, room })
    const all: ChatClient[] = []
    for (let n = 0; n < clients; n += atOnce) {
      const names = Array.from({ length: Math.min(atOnce, clients - n) }, (_, i) => `user ${n + i}`)
      all.push(
        ...(await Promise.all(
          names.map((name, i) => connectChat(t, i % 2 === 0 ? first : second, { name, timeout: 60_000 })),
        )),
      )
    }
    await sleep(2_000)
    const before = await probe.during(() => sleep(quiet * 1_000))
    const joining = await probe.during(() => join(all, seconds * 1_000))
    await sleep(3_000)
    const after = await probe.during(() => sleep(quiet * 1_000))

    const knows = (client: ChatClient) => presenceOf(client).at(-1)?.count === clients + 2
    await until(() => all.every(knows), 60_000, 'all to be told of all').catch(() => {})
    const frames = all.reduce((sum, client) => sum + presenceOf(client).length, 0)
    const told = await Promise.all(
      gateways.map(async (url) => (await scrape(url))('rabble_gateway_presence_frames_total')),
    )
    const last = all.map((client) => presenceOf(client).at(-1)?.count ?? 0)
    const result = {
      clients,
      seconds,
      framesReceived: frames,
      framesPerClient: round(frames / clients),
      framesMade: told,
      countAtLast: { least: Math.min(...last), most: Math.max(...last) },
      latencyMs: { before, joining, after },
    }
    print(`${clients} clients joined within ${seconds} s: ${result.framesPerClient} presence frames for each`)
    for (const [when, { p50, p99, messages }] of Object.entries(result.latencyMs))
      print(`  ${when.padEnd(8)} message latency p50 ${p50} ms, p99 ${p99} ms, of ${messages}`)
    return result
  },
})

/** Starts the joins at even intervals, without waiting for the join before. */
async function join(clients: readonly ChatClient[], milliseconds: number): Promise<void> {
  const start = performance.now()
  const joins: Promise<unknown>[] = []
  for (const [n, client] of clients.entries()) {
    const early = start + (n * milliseconds) / clients.length - performance.now()
    if (early > 1) await sleep(early)
    joins.push(client.join(room, { recent: 0 }))
  }
  await Promise.all(joins)
}

function presenceOf(client: ChatClient): { count: number }[] {
  return client.frames.filter((frame) => frame.type === 'presence')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

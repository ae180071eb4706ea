import { setTimeout as sleep } from 'node:timers/promises'
import type { MessagesReply } from '@rabble/contract'
import {
  checkOrder,
  connectChat,
  type OrderReport,
  type SteadyClient,
  startSteadyClient,
  type TestContext,
  until,
} from '@rabble/harness'
import type { StepResult } from './table.ts'

export interface CrowdOptions {
  /** Address of Nginx. */
  url: string
  clients: number
  /** Messages per second of each client. */
  rate: number
}

/** Clients in one room that all write at a steady rate and read everything. */
export interface Crowd {
  readonly room: string
  /** Returns the gateways of their current connections. */
  gateways(): Set<string>
  /** Returns the number of messages that arrived, over all clients. */
  delivered(): number
  /** Runs `work`, waits until all clients are connected again, and measures. */
  step(name: string, work: () => Promise<unknown>): Promise<StepResult>
  /** Stops writing, and lets all clients read the rest. @throws Error if acknowledgements are missing after a minute */
  finish(): Promise<{ report: OrderReport; acknowledged: readonly string[] }>
}

/** Time (ms) for which a step goes on after all clients are connected again. */
const calm = 3_000

export async function startCrowd(t: TestContext, { url, clients, rate }: CrowdOptions): Promise<Crowd> {
  const room = 'crowd'
  const members = await Promise.all(
    Array.from({ length: clients }, (_, index) =>
      startSteadyClient(t, { url, name: `member-${index + 1}`, rooms: [room] }),
    ),
  )
  const stop = new AbortController()
  let slowest = 0

  async function write(member: SteadyClient): Promise<void> {
    await sleep(Math.random() * (1_000 / rate))
    for (let count = 1; !stop.signal.aborted; count++) {
      const started = performance.now()
      await member.send(room, `${count} from ${member.name}`)
      const took = performance.now() - started
      slowest = Math.max(slowest, took)
      await sleep(Math.max(0, 1_000 / rate - took))
    }
  }
  const writing = Promise.all(members.map(write))
  // `step` and `finish`, which wait for it, report the error.
  writing.catch(() => {})
  t.teardown(async () => {
    stop.abort()
    await Promise.allSettled(members.map((member) => member.stop()))
  })

  const sum = (count: (member: SteadyClient) => number) =>
    members.reduce((total, member) => total + count(member), 0)

  return {
    room,
    delivered: () => sum((member) => member.ids(room).length),
    gateways: () => new Set(members.map(({ gateway }) => gateway)),
    async step(name, work) {
      const startedAt = performance.now()
      const acknowledged = sum((member) => member.acknowledged.length)
      const delivered = sum((member) => member.ids(room).length)
      const before = new Map(members.map((member) => [member, member.comebacks.length]))
      slowest = 0
      const failed = await Promise.race([work().then(() => false), writing.then(() => true)])
      if (failed) throw new Error('the crowd stopped')
      await Promise.all(members.map((member) => member.connected(60_000)))
      await sleep(calm)
      await Promise.all(members.map((member) => member.connected(60_000)))
      const comebacks = members.flatMap((member) => member.comebacks.slice(before.get(member)))
      return {
        name,
        seconds: (performance.now() - startedAt) / 1_000,
        acknowledged: sum((member) => member.acknowledged.length) - acknowledged,
        delivered: sum((member) => member.ids(room).length) - delivered,
        slowest,
        away: comebacks.map(({ away }) => away),
        asked: comebacks.filter(({ asked }) => asked).length,
      }
    },
    async finish() {
      stop.abort()
      await Promise.race([
        writing,
        sleep(60_000).then(() => Promise.reject(new Error('no acknowledgements'))),
      ])
      const acknowledged = members.flatMap((member) => member.acknowledged)
      const seen = async () => {
        await sleep(500)
        return members.every((member) => {
          const ids = new Set(member.ids(room))
          return acknowledged.every((id) => ids.has(id))
        })
      }
      // The report lists the messages that are missing then.
      await until(seen, 60_000, 'everybody to have read all').catch(() => {})
      const streams = Object.fromEntries(members.map((member) => [member.name, member.ids(room)]))
      return { report: checkOrder(streams, acknowledged), acknowledged }
    },
  }
}

/**
 * Opens connections until `count` gateways were reached, including those in `held`. Nginx chooses the gateway with the fewest
 * connections, so new ones don't reach the full gateways. @throws Error after a minute
 */
export async function reachGateways(
  t: TestContext,
  url: string,
  count: number,
  held: () => ReadonlySet<string> = () => new Set(),
): Promise<void> {
  const reached = new Set<string>()
  const another = async () => {
    const client = await connectChat(t, url, { name: 'visitor' })
    const welcome = client.frames.find((frame) => frame.type === 'welcome')
    if (welcome?.type === 'welcome') reached.add(welcome.gateway)
    await client.close()
    return new Set([...reached, ...held()]).size >= count
  }
  await until(another, 60_000, `${count} gateways behind ${url}`)
}

/**
 * Chats without a WebSocket and without cookies, so that Nginx sends each request to any gateway, which passes it on to the one of
 * the session.
 */
export async function chatOverAnyGateway(t: TestContext, url: string): Promise<void> {
  for (const transport of ['sse', 'polling'] as const) {
    const client = await connectChat(t, url, { name: `visitor by ${transport}`, transport })
    await client.join('streams')
    for (let count = 1; count <= 10; count++) {
      const { id } = await client.send('streams', `${count} by ${transport}`)
      await client.sees(id)
    }
    await client.close()
  }
}

/** Returns the ids of all messages of a room in history, the newest first. */
export async function historyOf(url: string, room: string): Promise<string[]> {
  const ids: string[] = []
  for (let more = true; more; ) {
    const before = ids.at(-1)
    const query = new URLSearchParams({ limit: '200', ...(before !== undefined && { before }) })
    const response = await fetch(`${url}/api/rooms/${room}/messages?${query}`)
    if (!response.ok) throw new Error(`history answered ${response.status}`)
    const page = (await response.json()) as MessagesReply
    ids.push(...page.messages.map(({ id }) => id).reverse())
    more = page.hasMore
  }
  return ids
}

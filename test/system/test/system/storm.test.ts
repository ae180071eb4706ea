import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  checkOrder,
  createRandom,
  inForm,
  startCluster,
  startSteadyClient,
  until,
} from '@rabble/harness'
import t from 'tap'
import { storedIn } from '../stored.ts'

assertNothingLeft(t)

const gatewayCount = inForm(2, 3)
const clientCount = inForm(4, 24)
/** Messages per second of each client. */
const pace = 5
const seed = Number(process.env.STORM_SEED ?? Date.now() % 1_000_000)

t.test(
  'each process of a cluster is killed in turn under load: nothing acknowledged is missing, twice or elsewhere in order',
  async (t) => {
    const random = createRandom(seed)
    t.comment(`STORM_SEED=${seed}`)
    const cluster = await startCluster(t, { gateways: gatewayCount, restart: true, ownServers: true })
    const come = (n: number) =>
      startSteadyClient(t, { url: cluster.url, name: `client ${n}`, rooms: ['general'] })
    const clients = await Promise.all(Array.from({ length: clientCount }, (_, n) => come(n)))
    // Older Nginx chooses by a hash of a random cookie, so all of few clients may be at one gateway.
    const reached = () => new Set(clients.map(({ gateway }) => gateway)).size
    while (reached() < gatewayCount && clients.length < 10 * clientCount)
      clients.push(await come(clients.length))
    t.equal(reached(), gatewayCount, 'all gateways got some')

    let writing = true
    const writers = clients.map(async (client, n) => {
      for (let i = 0; writing; i++) {
        await client.send('general', `${n} ${i}`)
        await sleep((random() * 2_000) / pace)
      }
    })
    const { gateways, histories, rooms, rabbitmq, postgres, nginx } = cluster
    const victims = [
      ...inForm(gateways.slice(0, 1), gateways),
      ...histories,
      ...rooms,
      postgres,
      rabbitmq,
      nginx,
    ]
    for (const victim of victims) {
      await sleep(500)
      const before = clients.map(({ acknowledged }) => acknowledged.length)
      await victim.kill()
      await until(
        async () => clients.every(({ acknowledged }, n) => acknowledged.length >= (before[n] ?? 0) + 5),
        150_000,
        `everybody to go on after the end of ${victim.name}`,
      )
    }
    writing = false
    await Promise.all(writers)
    // Chat goes on without history and rooms, so it doesn't show whether they run again.
    for (const victim of [...gateways, ...histories, ...rooms]) await victim.ready()
    const last = clients.map((client) => client.acknowledged.at(-1) ?? '')
    const everything = () =>
      Promise.resolve(clients.every((client) => last.every((id) => client.ids('general').includes(id))))
    await until(everything, 120_000, 'everybody to have seen the last messages')

    const acknowledged = clients.flatMap((client) => client.acknowledged)
    let stored: string[] = []
    const allStored = async () => {
      stored = (await storedIn(cluster.url, 'general')).map(({ id }) => id)
      const found = new Set(stored)
      return acknowledged.every((id) => found.has(id))
    }
    await until(allStored, 120_000, 'history to have all of them')

    const report = checkOrder(
      {
        history: stored,
        ...Object.fromEntries(clients.map((client) => [client.name, client.ids('general')])),
      },
      acknowledged,
    )
    t.ok(report.ok, report.text)
    t.comment(report.text)
    const away = clients.flatMap(({ comebacks }) => comebacks.map((comeback) => comeback.away))
    t.comment(`${away.length} comebacks, the longest took ${Math.round(Math.max(0, ...away))} ms`)
  },
)

import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  checkOrder,
  connectChat,
  noRateLimits,
  type Service,
  startCluster,
  startSteadyClient,
  until,
} from '@rabble/harness'
import t from 'tap'
import { startWriter } from '../writer.ts'

assertNothingLeft(t)

const { rabbitmq, gateways, addGateway } = await startCluster(t, {
  histories: 0,
  rooms: 0,
  nginx: false,
  ownServers: true,
  env: {
    ...noRateLimits,
    RABBLE_PUBLISH_TIMEOUT_MS: '1000',
    // There is no history, so the messages during the start of a gateway must fit into memory, even if it takes long.
    RABBLE_RECENT_PER_ROOM: '50000',
  },
})

t.test(
  'kill -9 of the broker under load: nothing acknowledged is lost or repeated, and sessions stay',
  async (t) => {
    const clients = await Promise.all(
      gateways.flatMap((gateway, g) =>
        [0, 1, 2].map((n) => connectChat(t, gateway.url, { name: `client ${g} ${n}`, timeout: 60_000 })),
      ),
    )
    await Promise.all(clients.map((client) => client.join('general')))
    const writers = clients.map((client, n) => startWriter(t, `writer ${n}`, 'general', client))
    const wrote = (count: number) => () =>
      Promise.resolve(writers.every((writer) => writer.acknowledged.length >= count))

    await until(wrote(20), 60_000, 'every writer to be under way')
    for (let round = 1; round <= 2; round++) {
      await rabbitmq.kill()
      const before = writers.map(({ refused }) => refused)
      await until(
        async () => writers.every(({ refused }, n) => refused > (before[n] ?? 0)),
        60_000,
        'sends to be refused',
      )
      for (const gateway of gateways) {
        const unready = async () => (await fetch(`${gateway.url}/readyz`)).status === 503
        await until(unready, 60_000, 'a gateway without its broker to be unready')
        t.equal((await fetch(`${gateway.url}/livez`)).status, 200)
      }
      await rabbitmq.restart()
      const least = Math.max(...writers.map(({ acknowledged }) => acknowledged.length))
      await until(wrote(least + 20), 120_000, 'every writer to go on')
    }
    await Promise.all(writers.map((writer) => writer.stop()))

    const acknowledged = writers.flatMap((writer) => writer.acknowledged)
    // Each writer's last message comes after all its others, so a client that has seen all of these has had time to see all.
    const last = writers.flatMap((writer) => writer.acknowledged.slice(-1))
    await Promise.all(clients.flatMap((client) => last.map((id) => client.sees(id))))
    const report = checkOrder(
      Object.fromEntries(
        clients.map((client, n) => [`client ${n}`, client.messages('general').map(({ id }) => id)]),
      ),
      acknowledged,
    )
    t.ok(report.ok, report.text)
    t.equal(new Set(acknowledged).size, acknowledged.length)
    const state = await Promise.race([Promise.all(clients.map(({ closed }) => closed)), sleep(0, 'open')])
    t.equal(state, 'open', 'every session is the one it was')
    t.comment(
      `${report.text}; ${writers.reduce((sum, { refused }) => sum + refused, 0)} sends were refused and sent again`,
    )
  },
)

t.test(
  'kill -9 of a gateway under load: its clients go on elsewhere, miss nothing and see nothing twice',
  async (t) => {
    const [doomed, other] = gateways
    if (doomed === undefined || other === undefined) throw new Error('two gateways were asked for')
    let late: Service | undefined
    // Four clients lose their gateway. One moves to the gateway that was there, the others to one that starts only then.
    const addressOf = (n: number) => () => {
      if (n < 4 && doomed.running) return doomed.url
      if (n === 0 || n >= 4) return other.url
      if (late === undefined) throw new Error('not started yet')
      return late.url
    }
    const clients = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((n) =>
        startSteadyClient(t, { url: addressOf(n), name: `mover ${n}`, rooms: ['moving'] }),
      ),
    )
    let writing = true
    const writers = clients.map(async (client) => {
      for (let n = 0; writing; n++) {
        await client.send('moving', `${client.name}, message ${n}`)
        await sleep(late === undefined && !doomed.running ? 50 : 5)
      }
    })
    const goOn = async (more: number) => {
      const goals = clients.map(({ acknowledged }) => acknowledged.length + more)
      await until(
        () => clients.every(({ acknowledged }, n) => acknowledged.length >= (goals[n] ?? 0)),
        120_000,
        'every writer to go on',
      )
    }

    await goOn(30)
    await doomed.kill()
    late = await addGateway()
    await goOn(30)
    writing = false
    await Promise.all(writers)
    t.same(
      clients.map(({ comebacks }) => comebacks.length),
      [1, 1, 1, 1, 0, 0],
    )

    // A client that has seen the last message of each client has had time to see all.
    const last = clients.map(({ acknowledged }) => acknowledged.at(-1) ?? '')
    const sawLast = () => clients.every((client) => last.every((id) => client.ids('moving').includes(id)))
    await until(sawLast, 60_000, 'everybody to have seen the last messages')
    const report = checkOrder(
      Object.fromEntries(clients.map((client) => [client.name, client.ids('moving')])),
      clients.flatMap(({ acknowledged }) => acknowledged),
    )
    t.ok(report.ok, report.text)
    t.comment(report.text)
  },
)

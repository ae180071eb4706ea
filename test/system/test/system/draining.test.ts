import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  type ChatClient,
  checkOrder,
  connectChat,
  inForm,
  type Service,
  type SteadyClient,
  startCluster,
  startSteadyClient,
  until,
} from '@rabble/harness'
import t from 'tap'

assertNothingLeft(t)

const gatewayCount = inForm(2, 3)
const clientCount = inForm(10, 30)
const writerCount = inForm(4, 10)
/** Number of idle clients that leave one gateway. Each adds 10 ms to the window. */
const idleCount = inForm(60, 200)

// The tests restart the processes that they have ended.
const cluster = await startCluster(t, {
  gateways: gatewayCount,
  histories: 0,
  rooms: 0,
  restart: false,
  env: { LOG_LEVEL: 'info' },
})

/** Stops a gateway, as Docker does. Resolves with its exit code. */
const stop = (gateway: Service) => gateway.stop()

t.test('a gateway has one id: for clients, in messages, in its log and in its metrics', async (t) => {
  for (const [n, gateway] of cluster.gateways.entries()) {
    const client = await connectChat(t, gateway.url, { name: `Visitor ${n}` })
    await client.join('names')
    const { id } = await client.send('names', 'hello')
    await client.sees(id)
    const [welcome] = client.frames.filter((frame) => frame.type === 'welcome')
    const name = welcome?.type === 'welcome' ? welcome.gateway : ''
    t.match(name, new RegExp(`^gateway-${n + 1}-[0-9a-f]{8}$`))
    t.match(client.events('names').at(-1), { via: name })
    // The last line may not have arrived completely.
    const lines = gateway.logs().split('\n').slice(0, -1)
    const logged = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line).gateway)
    t.same([...new Set(logged)], [name])
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
    t.match(metrics, `\nrabble_info{service="gateway",name="${name}"} 1\n`)
    await client.close()
  }
})

t.test(
  'every gateway is replaced under load, one after the other: nothing is lost, repeated or cut off',
  async (t) => {
    const clients = await Promise.all(
      Array.from({ length: clientCount }, (_, n) =>
        startSteadyClient(t, { url: cluster.url, name: `client ${n}`, rooms: ['general'] }),
      ),
    )
    const homes = new Set(clients.map(({ gateway }) => gateway))
    t.equal(homes.size, gatewayCount, 'all gateways have some')
    let writing = true
    const writers = clients.slice(0, writerCount).map(async (client) => {
      for (let n = 0; writing; n++) {
        await client.send('general', `${client.name} ${n}`)
        await sleep(20)
      }
    })
    // An error is reported where the writers are awaited.
    for (const writer of writers) writer.catch(() => {})
    const acknowledged = () => clients.flatMap((client) => client.acknowledged)
    const goOn = async () => {
      const goal = acknowledged().length + 100
      await until(() => acknowledged().length >= goal, 60_000, 'everybody to go on')
    }

    await goOn()
    const left: number[] = []
    for (const gateway of cluster.gateways) {
      t.equal(await stop(gateway), 0, 'it ends in peace')
      t.match(gateway.logs(), /"sessions":\d+,"window":\d+,"msg":"sending clients to other gateways"/)
      const sent = /"left":(\d+),"seconds":[\d.]+,"msg":"sent clients to other gateways"/
      left.push(Number(sent.exec(gateway.logs())?.[1]))
      await gateway.restart()
      await gateway.ready()
      await goOn()
    }
    writing = false
    await Promise.all(writers)

    await Promise.all(clients.map((client) => client.connected()))
    const ids = acknowledged()
    await until(
      () => clients.every((client) => new Set(client.ids('general')).size >= ids.length),
      60_000,
      'everybody to see everything',
    )
    const report = checkOrder(
      Object.fromEntries(clients.map((client) => [client.name, client.ids('general')])),
      ids,
    )
    t.ok(report.ok, report.text)
    t.equal(new Set(ids).size, ids.length)
    const comebacks = clients.flatMap((client) => client.comebacks)
    t.ok(comebacks.length >= clients.length, `${comebacks.length} times somebody came back`)
    // The gateway closes clients that stay for two seconds after `reconnect`. A busy machine may pause for longer than that.
    const late = comebacks.filter(({ asked, code }) => asked && code === 1012)
    t.ok(late.length < comebacks.length / 2, `${late.length} were too late`)
    t.same(
      comebacks.filter((each) => !late.includes(each) && !(each.asked && each.code === 1000)),
      [],
      'no other session was ended but by its own client, as it was told',
    )
    t.ok(
      left.every((count) => count <= late.length),
      `nobody else was left: ${left}`,
    )
    const away = comebacks.map((comeback) => comeback.away).sort((one, other) => one - other)
    t.comment(
      `${report.text}; ${comebacks.length} comebacks, ${describe(away)}; ${failures(clients)} refusals`,
    )
  },
)

t.test('idle clients of one gateway go over all of its window', async (t) => {
  const [doomed, other] = cluster.gateways
  if (doomed === undefined || other === undefined) throw new Error('two gateways were asked for')
  const clients = await Promise.all(
    Array.from({ length: idleCount }, (_, n) =>
      connectChat(t, doomed.url, { name: `idle ${n}`, timeout: 30_000 }),
    ),
  )
  // Clients of the test before may not have left yet.
  const alone = async () => {
    const metrics = await (await fetch(`${doomed.url}/metrics`)).text()
    return new RegExp(`^rabble_gateway_connections\\{.*\\} ${idleCount}$`, 'm').test(metrics)
  }
  await until(alone, 60_000, 'all others to have left')
  const stopped = stop(doomed)
  const pauses = await Promise.all(clients.map((client, n) => moveOn(client, n)))
  t.equal(await stopped, 0)

  /** Reconnects as the gateway requests. Resolves with the requested delay (ms). */
  async function moveOn(client: ChatClient, n: number): Promise<number> {
    const frame = await client.waitFor(({ type }) => type === 'reconnect', 60_000)
    if (frame.type !== 'reconnect') throw new Error('waited for another frame')
    await sleep(frame.after)
    await client.close()
    await connectChat(t, cluster.url, { name: `idle ${n}`, timeout: 30_000 })
    return frame.after
  }

  // The window is 10 ms per client, by the gateway's clock: on a slow machine its frames arrive in bulk. A test of the gateway
  // checks that it asks a few clients at a time.
  t.match(doomed.logs(), `"sessions":${idleCount},"window":${10 * idleCount},`)
  const sent = [...doomed.logs().matchAll(/"seconds":([\d.]+),"msg":"sent clients to other gateways"/g)].at(
    -1,
  )
  t.ok(Number(sent?.[1]) > 0.008 * idleCount, `${idleCount} clients left within ${sent?.[1]} s`)
  t.ok(new Set(pauses).size > 20, `and paused for ${pauses} ms`)
})

t.test('a second signal ends a gateway at once that waits for its clients', async (t) => {
  // The first one has been stopped.
  const [, gateway] = cluster.gateways
  if (gateway === undefined) throw new Error('two gateways were asked for')
  // This client ignores `reconnect`.
  const ada = await connectChat(t, gateway.url, { name: 'Ada' })
  const stopped = stop(gateway)
  await ada.waitFor(({ type }) => type === 'reconnect', 60_000)
  process.kill(gateway.pid, 'SIGTERM')
  t.equal(await stopped, 1)
  t.match(await ada.closed, { code: 1006 }, 'without a goodbye')
})

function describe(sorted: readonly number[]): string {
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0)
  return `away for ${at(0.5)} ms (p50), ${at(0.99)} ms (p99), ${at(1)} ms at most`
}

function failures(clients: readonly SteadyClient[]): number {
  return clients.reduce((sum, client) => sum + client.failures, 0)
}

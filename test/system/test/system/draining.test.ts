import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  type ChatClient,
  checkOrder,
  connectChat,
  type Service,
  type SteadyClient,
  startCluster,
  startSteadyClient,
  until,
} from '@rabble/harness'
import t from 'tap'

assertNothingLeft(t)

/** Asks a gateway to stop, as Docker does, and resolves to its exit code. */
const stop = (gateway: Service) => gateway.stop()

t.test(
  'every gateway is replaced under load, one after the other: nothing is lost, repeated or cut off',
  async (t) => {
    // What ended is started again by this test alone.
    const cluster = await startCluster(t, { gateways: 3, restart: false, env: { LOG_LEVEL: 'info' } })
    const clients = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        startSteadyClient(t, { url: cluster.url, name: `client ${n}`, rooms: ['general'] }),
      ),
    )
    const homes = new Set(clients.map(({ gateway }) => gateway))
    t.equal(homes.size, 3, 'all gateways have some')
    let writing = true
    const writers = clients.slice(0, 10).map(async (client) => {
      for (let n = 0; writing; n++) {
        await client.send('general', `${client.name} ${n}`)
        await sleep(20)
      }
    })
    // An error is told where they are waited for.
    for (const writer of writers) writer.catch(() => {})
    const acknowledged = () => clients.flatMap((client) => client.acknowledged)
    const goOn = async () => {
      const goal = acknowledged().length + 200
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
    // It says goodbye to who is asked to go and doesn't within two seconds, for which a busy machine may stand still.
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

t.test('200 idle clients of one gateway go over all of its window', async (t) => {
  const cluster = await startCluster(t, { gateways: 2, restart: false, env: { LOG_LEVEL: 'info' } })
  const [doomed, other] = cluster.gateways
  if (doomed === undefined || other === undefined) throw new Error('two gateways were asked for')
  const clients = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      connectChat(t, doomed.url, { name: `client ${n}`, timeout: 30_000 }),
    ),
  )
  const stopped = stop(doomed)
  const pauses = await Promise.all(clients.map((client, n) => moveOn(client, n)))
  t.equal(await stopped, 0)

  /** As it is told; resolves with how long it was told to wait (ms). */
  async function moveOn(client: ChatClient, n: number): Promise<number> {
    const frame = await client.waitFor(({ type }) => type === 'reconnect', 60_000)
    if (frame.type !== 'reconnect') throw new Error('waited for another frame')
    await sleep(frame.after)
    await client.close()
    await connectChat(t, cluster.url, { name: `client ${n}`, timeout: 30_000 })
    return frame.after
  }

  // 10 ms for each client, by the gateway's own clock: on a slow machine what it says arrives in heaps. That it says it to a
  // few at a time, a test of the gateway sees.
  t.match(doomed.logs(), '"sessions":200,"window":2000,')
  const [, seconds] = /"seconds":([\d.]+),"msg":"sent clients to other gateways"/.exec(doomed.logs()) ?? []
  t.ok(Number(seconds) > 1.7, `200 clients left within ${seconds} s`)
  t.ok(new Set(pauses).size > 20, `and paused for ${pauses} ms`)
})

t.test('a second signal ends a gateway at once that waits for its clients', async (t) => {
  const cluster = await startCluster(t, { gateways: 1, restart: false })
  const [gateway] = cluster.gateways
  if (gateway === undefined) throw new Error('a gateway was asked for')
  // It doesn't go when it is told to.
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

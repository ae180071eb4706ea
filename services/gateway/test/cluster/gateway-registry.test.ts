import { createManualClock } from '@rabble/clock/manual'
import type { GatewaySignal, Signal } from '@rabble/contract'
import { connectChat, until } from '@rabble/harness'
import t from 'tap'
import { createGatewayRegistry } from '../../src/cluster/gateway-registry.ts'
import { createTraffic } from '../../src/cluster/traffic.ts'
import { build } from '../build.ts'
import { createMemoryLog } from '../memory-log.ts'
import { pass } from '../time.ts'

t.test('every gateway tells of all of them: who is there, what they do, and how they end', async (t) => {
  const log = createMemoryLog()
  const told: Signal[] = []
  const { signal } = log
  log.signal = (something) => {
    told.push(something)
    signal.call(log, something)
  }
  const clock = createManualClock()
  const [one, two] = [await build(t, { log, clock }), await build(t, { log, clock })]
  const ada = await connectChat(t, one.ws, { name: 'Ada' })
  const bob = await connectChat(t, two.ws, { name: 'Bob' })
  const cleo = await connectChat(t, two.ws, { name: 'Cleo' })
  await cleo.join('general')
  const ask = async () => {
    const { gateways, here } = await ada.request({ type: 'gateways' })
    t.equal(here, one.gateway.id)
    t.strictSame(
      gateways.map(({ gateway }) => gateway).toSorted(),
      gateways.map(({ gateway }) => gateway),
    )
    return Object.fromEntries(gateways.map((gateway) => [gateway.gateway, gateway]))
  }
  t.match((await ask())[one.gateway.id], { state: 'ready', sessions: 1 }, 'itself at once')
  await pass(
    clock,
    500,
    async () => {
      for (let n = 0; n < 10; n++) await cleo.send('general', 'hi')
      const other = (await ask())[two.gateway.id]
      if (other === undefined || other.messagesPerSecond === 0 || other.deliveriesPerSecond === 0)
        return false
      t.match(other, { state: 'ready', sessions: 2 })
      return true
    },
    'the other one to tell that it publishes and delivers',
  )
  const drained = two.gateway.drain(60_000)
  t.match(told.at(-1), { gateway: two.gateway.id, state: 'draining' }, 'it says so at once')
  await until(async () => (await ask())[two.gateway.id]?.state === 'draining', 60_000, 'that to be heard')
  for (const client of [bob, cleo]) await client.close()
  await drained
  await two.close()
  await until(async () => (await ask())[two.gateway.id]?.state === 'stopped', 60_000, 'its last word')
})

t.test('a new gateway and the others know at once where they reach each other', async (t) => {
  const clock = createManualClock()
  const log = createMemoryLog(1, { clock })
  t.teardown(() => log.close())
  const one = await build(t, { log, clock, url: () => 'http://10.0.0.1:1' })
  await clock.advance(10_000)
  const two = await build(t, { log, clock, url: () => 'http://10.0.0.2:2' })
  t.equal(await one.gateway.gatewayUrl(two.gateway.id), 'http://10.0.0.2:2')
  // An answer takes 100 ms at most. The next regular report of the first one may be 2.4 s away.
  const known = two.gateway.gatewayUrl(one.gateway.id)
  await clock.advance(100)
  t.equal(await known, 'http://10.0.0.1:1')
})

t.test('a gateway that has never reported is waited for, but not for long and not by too many', async (t) => {
  const clock = createManualClock()
  let own: string | undefined
  const registry = createGatewayRegistry({
    gateway: 'here',
    log: { signal() {} },
    sessions: () => 0,
    state: () => 'ready',
    reported() {},
    url: () => own,
    traffic: createTraffic(),
    clock,
  })
  t.teardown(() => registry.close())
  t.equal(await registry.url('a'), undefined, 'nobody is waited for by a gateway that is alone')
  own = 'http://10.0.0.1:1'
  const [soon, never] = [registry.url('a'), registry.url('b')]
  registry.heard({ ...signal('a', 'ready'), url: 'http://10.0.0.2:2' })
  t.equal(await soon, 'http://10.0.0.2:2')
  await clock.advance(1_000)
  t.equal(await never, undefined)
  registry.heard(signal('a', 'stopped'))
  t.equal(await registry.url('a'), undefined, 'it has said that it stops')
  const many = Array.from({ length: 1_000 }, (_, n) => registry.url(`made up ${n}`))
  t.equal(await registry.url('one more'), undefined, 'answered at once')
  await clock.advance(1_000)
  t.same(new Set(await Promise.all(many)), new Set([undefined]))
})

t.test('clients are sent to the ready gateway with the fewest sessions, and counted at once', async (t) => {
  const clock = createManualClock()
  let sessions = 2
  let state: GatewaySignal['state'] = 'ready'
  const told: Signal[] = []
  const registry = createGatewayRegistry({
    gateway: 'here',
    log: { signal: (signal) => told.push(signal) },
    sessions: () => sessions,
    state: () => state,
    reported() {},
    url: () => undefined,
    publicUrl: 'wss://here.example/ws',
    traffic: createTraffic(),
    clock,
  })
  t.teardown(() => registry.close())
  const report = (gateway: string, count: number, how: GatewaySignal['state'] = 'ready') =>
    registry.heard({ ...signal(gateway, how), sessions: count, publicUrl: `wss://${gateway}.example/ws` })
  const sent = (count: number) =>
    Array.from({ length: count }, () => /\w+(?=\.example)/.exec(registry.publicUrl() ?? '')?.[0]).join(' ')
  t.equal(sent(1), 'here')
  registry.report()
  t.match(told.at(-1), { publicUrl: 'wss://here.example/ws' })

  report('a', 0)
  report('b', 1)
  registry.heard(signal('c', 'ready'))
  t.equal(sent(6), 'a a b a b here', 'those that were sent count before they have arrived')
  report('a', 5)
  report('b', 5)
  registry.heard(signal('here', 'ready'))
  sessions = 9
  t.equal(sent(2), 'a b', 'until the next report counts them')
  t.equal(registry.publicUrl('wss://a.example/ws'), 'wss://b.example/ws', 'not where the client comes from')

  report('a', 0, 'draining')
  t.equal(sent(1), 'b')
  report('b', 0, 'unready')
  t.equal(sent(1), 'here')
  t.equal(registry.publicUrl('wss://here.example/ws'), 'wss://here.example/ws', 'there is no other')
  report('a', 0)
  await clock.advance(6_001)
  t.equal(sent(1), 'here', 'a gateway that is silent may be dead')
  state = 'draining'
  t.equal(registry.publicUrl(), undefined)
})

t.test('a gateway takes no clients until its first report has come back', async (t) => {
  const clock = createManualClock()
  const told: Signal[] = []
  const registry = createGatewayRegistry({
    gateway: 'here',
    log: { signal: (signal) => told.push(signal) },
    sessions: () => 0,
    state: () => 'ready',
    reported() {},
    url: () => 'http://10.0.0.1:1',
    traffic: createTraffic(),
    clock,
  })
  t.teardown(() => registry.close())
  await clock.advance(3_000)
  t.ok(told.length >= 9, 'it reports four times a second')
  t.match(registry.unready(), /do not know it yet/)
  registry.heard(signal('here', 'ready'))
  t.equal(registry.unready(), undefined)
})

t.test('nobody learns of gateways before hello', async (t) => {
  const { ws } = await build(t)
  const stranger = await connectChat(t, ws, { hello: false })
  await t.rejects(stranger.request({ type: 'gateways' }), { code: 'unauthorized' })
})

t.test('a gateway that is silent is gone after six seconds and forgotten half a minute later', async (t) => {
  const clock = createManualClock()
  const told: Signal[] = []
  const registry = createGatewayRegistry({
    gateway: 'here',
    log: { signal: (signal) => told.push(signal) },
    sessions: () => 3,
    state: () => 'ready',
    reported() {},
    url: () => undefined,
    traffic: createTraffic(),
    clock,
  })
  t.teardown(() => registry.close())
  const states = () => registry.list().map(({ gateway, state }) => [gateway, state])
  registry.heard(signal('a', 'ready'))
  registry.heard(signal('b', 'stopped'))
  registry.heard(signal('here', 'unready'))
  t.strictSame(states(), [
    ['a', 'ready'],
    ['b', 'stopped'],
    ['here', 'ready'],
  ])
  await clock.advance(6_100)
  t.strictSame(states(), [
    ['a', 'gone'],
    ['b', 'stopped'],
    ['here', 'ready'],
  ])
  registry.heard(signal('a', 'ready'))
  await clock.advance(30_000)
  t.strictSame(states(), [
    ['a', 'gone'],
    ['here', 'ready'],
  ])
  await clock.advance(6_100)
  t.strictSame(states(), [['here', 'ready']])

  for (let n = 0; n < 2_000; n++) registry.heard(signal(`made up ${n}`, 'ready'))
  t.equal(registry.list().length, 1_001, 'no more are remembered')
  await clock.advance(40_000)
  registry.heard(signal('a', 'ready'))
  t.equal(registry.list().length, 2, 'and those not for ever')
})

function signal(gateway: string, state: GatewaySignal['state']): GatewaySignal {
  return {
    type: 'gateway',
    gateway,
    sessions: 1,
    messagesPerSecond: 0,
    deliveriesPerSecond: 0,
    lag: 0,
    state,
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { type MembershipEvent, maxReceipts } from '@rabble/contract'
import { type ChatClient, connectChat, until } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build, type TestGateway } from '../build.ts'
import { buildHistory } from '../build-history.ts'
import { createMemoryLog } from '../memory-log.ts'
import { receiptsIn, showsReceipts } from '../shown-receipts.ts'

async function start(t: Test) {
  const log = createMemoryLog(2)
  const history = await buildHistory(t, log)
  const [one, two] = [await build(t, { log, history }), await build(t, { log, history })]
  t.teardown(() => log.close())
  return { log, one, two }
}

async function connect(t: Test, gateway: TestGateway, id: string): Promise<ChatClient> {
  return connectChat(t, gateway.ws, { token: await gateway.tokens.sign({ id, name: id }, 600) })
}

const follow = (client: ChatClient, room: string) => client.request({ type: 'receipts', room })
const read = (client: ChatClient, room: string, upTo: string) => client.request({ type: 'read', room, upTo })

t.test('others see how far a user has read, over gateways, after a resume, and only forward', async (t) => {
  const { one, two } = await start(t)
  const ada = await connect(t, one, 'ada')
  const bob = await connect(t, two, 'bob')
  const eve = await connect(t, two, 'eve')
  for (const client of [ada, bob]) await client.join('general')
  const first = (await ada.send('general', 'one')).id
  const second = (await ada.send('general', 'two')).id
  await until(
    async () => (await follow(ada, 'general')).receipts.length === 2,
    60_000,
    'history to know both members',
  )
  await read(bob, 'general', second)
  await showsReceipts(ada, 'general', [`ada: ${second}`, `bob: ${second}`])
  await read(bob, 'general', first)
  // A user who comes later is told the same, over the other gateway.
  await eve.join('general')
  const { shown, receipts } = await follow(eve, 'general')
  t.ok(shown)
  t.strictSame(new Map(receipts.map(({ user, upTo }) => [user, upTo])).get('bob'), second, 'not back')
  await showsReceipts(ada, 'general', [`ada: ${second}`, `bob: ${second}`, `eve: ${second}`])

  // A new connection asks again, and is told what has happened meanwhile.
  await ada.close()
  const third = (await bob.send('general', 'three')).id
  await read(eve, 'general', third)
  const back = await connect(t, two, 'ada')
  await back.join('general')
  await follow(back, 'general')
  await showsReceipts(back, 'general', [`ada: ${second}`, `bob: ${third}`, `eve: ${third}`])
  await eve.request({ type: 'leave', room: 'general' })
  await showsReceipts(back, 'general', [`ada: ${second}`, `bob: ${third}`])
})

t.test('a user who hides how far they have read sees nobody else, until they show it again', async (t) => {
  const { one, two } = await start(t)
  const ada = await connect(t, one, 'ada')
  const bob = await connect(t, two, 'bob')
  const phone = await connect(t, one, 'bob')
  const { id } = await ada.sendTo('bob', 'one')
  const room = 'dm:ada:bob'
  for (const client of [ada, bob]) await follow(client, room)
  await read(bob, room, id)
  await showsReceipts(ada, room, [`ada: ${id}`, `bob: ${id}`])

  t.match(await phone.request({ type: 'privacy' }), { receipts: true })
  t.match(await phone.request({ type: 'privacy', receipts: false }), { receipts: false })
  await showsReceipts(ada, room, [`ada: ${id}`])
  // All devices are told, and then see nobody.
  await bob.waitFor((frame) => frame.type === 'privacy' && !frame.receipts)
  t.match(await follow(bob, room), { shown: false, receipts: [] })
  t.match(await bob.request({ type: 'privacy' }), { receipts: false })
  const told = ada.frames.length
  await read(bob, room, (await ada.sendTo('bob', 'two')).id)
  // History has stored it once this question is answered.
  await phone.request({ type: 'watch' })
  await sleep(1_000) // Longer than frames about it are collected for.
  t.notOk(
    ada.frames.slice(told).some(({ type }) => type === 'read'),
    'nobody is told that a user has read who hides it',
  )

  await bob.request({ type: 'privacy', receipts: true })
  await until(async () => receiptsIn(ada, room)?.length === 2, 60_000, 'Ada to see Bob again')
  t.match(await follow(bob, room), { shown: true })
})

t.test('a room shows read positions up to a hundred members, and then no more', async (t) => {
  const { log, one } = await start(t)
  const ada = await connect(t, one, 'ada')
  await ada.join('general')
  const enter = (user: string): Promise<unknown> =>
    log.publish({
      ...{ type: 'membership', room: 'general', user, id: `m-${user}`, member: true },
      ...{ at: new Date().toISOString(), via: 'test' },
    } satisfies MembershipEvent)
  await Promise.all(Array.from({ length: maxReceipts - 1 }, (_, n) => enter(`user-${n}`)))
  await until(
    async () => (await follow(ada, 'general')).receipts.length === maxReceipts,
    60_000,
    'history to know all',
  )
  await enter('one-more')
  await ada.waitFor((frame) => frame.type === 'receipts' && !frame.shown)
  t.match(await follow(ada, 'general'), { shown: false, receipts: [] })
  t.equal(await one.metric('rabble_gateway_followed_receipts'), 0)
})

t.test('nobody sees read positions where they may not', async (t) => {
  const { one } = await start(t)
  const ada = await connect(t, one, 'ada')
  for (const [room, code] of [
    ['general', 'not-joined'],
    ['dm:bob:eve', 'forbidden'],
    ['*', 'bad-frame'],
    ['user:ada', 'bad-frame'],
  ] as const) {
    await t.rejects(follow(ada, room), { code }, room)
  }
  t.match(await follow(ada, 'dm:ada:bob'), { shown: true, receipts: [] }, 'where nobody has written yet')
})

import type { ServerFrames } from '@rabble/contract'
import { type ChatClient, connectChat } from '@rabble/harness'
import t, { type Test } from 'tap'
import { build, type TestGateway } from '../build.ts'
import { buildHistory } from '../build-history.ts'
import { createMemoryLog } from '../memory-log.ts'
import { shows } from '../shown-conversations.ts'

async function start(t: Test): Promise<TestGateway[]> {
  const log = createMemoryLog(2)
  const history = await buildHistory(t, log)
  const gateways = [await build(t, { log, history }), await build(t, { log, history })]
  t.teardown(() => log.close())
  return gateways
}

async function connect(t: Test, gateway: TestGateway, id: string, roles: string[] = []): Promise<ChatClient> {
  return connectChat(t, gateway.ws, { token: await gateway.tokens.sign({ id, name: id }, 600, roles) })
}

t.test(
  'all devices of a user show the same conversations, on any gateway, whatever they read, write and leave',
  async (t) => {
    const [one, two] = await start(t)
    if (one === undefined || two === undefined) throw new Error('two gateways')
    const ada = await connect(t, one, 'ada')
    const phone = await connect(t, one, 'bob')
    const desktop = await connect(t, two, 'bob')
    await phone.join('general')
    await phone.request({ type: 'watch' })
    await desktop.request({ type: 'watch' })
    await shows(desktop, 'general', { unread: 0, count: 0 })

    // Ada writes in the room, where the desktop is not, and to Bob himself.
    await ada.join('general')
    const first = await ada.send('general', 'one')
    const second = await ada.send('general', 'two')
    await ada.sendTo('bob', 'in private')
    for (const device of [phone, desktop]) {
      await shows(device, 'general', { unread: 2, count: 2 })
      await shows(device, 'dm:ada:bob', { unread: 1, peer: 'ada' })
    }

    await phone.request({ type: 'read', room: 'general', upTo: first.id })
    await shows(desktop, 'general', { unread: 1, readUpTo: first.id })
    await desktop.request({ type: 'read', room: 'general', upTo: second.id })
    await phone.request({ type: 'read', room: 'general', upTo: first.id })
    await phone.request({ type: 'mute', room: 'general', muted: true })
    await shows(phone, 'general', { unread: 0, readUpTo: second.id, muted: true })
    await t.rejects(phone.request({ type: 'read', room: 'general', upTo: 'nothing' }), {
      code: 'message-not-found',
    })
    await t.rejects(phone.request({ type: 'read', room: 'elsewhere', upTo: first.id }), {
      code: 'not-joined',
    })
    await t.rejects(phone.request({ type: 'read', room: 'dm:ada:eve', upTo: first.id }), {
      code: 'forbidden',
    })

    // A lost connection leaves nothing. A new session is told all of it.
    await phone.close()
    const tablet = await connect(t, two, 'bob')
    const { conversations } = await tablet.request({ type: 'watch' })
    t.strictSame(new Set(conversations.map(({ room }) => room)), new Set(['general', 'dm:ada:bob']))
    t.match(
      conversations.find(({ room }) => room === 'general'),
      { unread: 0, muted: true, lastMessage: { text: 'two' } },
    )

    // Bob writes, which reads the rest, and leaves a room that this device has never joined.
    await tablet.sendTo('ada', 'indeed')
    await shows(desktop, 'dm:ada:bob', { unread: 0, count: 2 })
    await tablet.request({ type: 'leave', room: 'general' })
    for (const device of [tablet, desktop]) await shows(device, 'general', undefined)
  },
)

t.test('a mention reaches a member who is elsewhere, and counts until it is read or deleted', async (t) => {
  const [one, two] = await start(t)
  if (one === undefined || two === undefined) throw new Error('two gateways')
  const ada = await connect(t, one, 'ada', ['moderator'])
  const bob = await connect(t, one, 'bob')
  const elsewhere = await connect(t, two, 'bob')
  const eve = await connect(t, two, 'eve')
  for (const client of [ada, bob]) await client.join('general')
  await elsewhere.request({ type: 'watch' })
  await eve.request({ type: 'watch' })
  await shows(elsewhere, 'general', { unread: 0 })
  const say = (text: string, mentions: string[]) =>
    ada.request({ type: 'send', room: 'general', text, mentions })
  const { id } = await say('Bob and Eve?', ['bob', 'eve', 'ada'])
  await shows(elsewhere, 'general', { unread: 1, mentions: 1 })
  const isMention = ({ type }: { type: string }) => type === 'mention'
  const mention = (await elsewhere.waitFor(isMention)) as ServerFrames['mention']
  t.match(mention, { room: 'general', message: { id, mentions: ['bob', 'eve', 'ada'] } })
  await say('Everybody!', ['@room'])
  await shows(elsewhere, 'general', { unread: 2, mentions: 2 })
  await ada.delete('general', id)
  await shows(elsewhere, 'general', { unread: 2, mentions: 1 })
  t.notOk(eve.frames.some(isMention), 'Eve is no member')
  t.notOk(bob.frames.some(isMention), 'who is in the room has the message')
  const many = Array.from({ length: 21 }, (_, n) => `u${n}`)
  for (const [client, mentions, code] of [
    [bob, ['@room'], 'forbidden'],
    [bob, ['no id'], 'bad-frame'],
    [bob, many, 'bad-frame'],
  ] as const) {
    await t.rejects(client.request({ type: 'send', room: 'general', text: 'x', mentions: [...mentions] }), {
      code,
    })
  }
  await t.rejects(ada.request({ type: 'send', to: 'bob', text: 'x', mentions: ['@room'] }), {
    code: 'bad-frame',
  })
})

import {
  assertNothingLeft,
  checkOrder,
  connectChat,
  noRateLimits,
  startBridge,
  startCluster,
  startService,
  type TestContext,
  until,
} from '@rabble/harness'
import t from 'tap'
import type { Chat, ConnectOptions, RoomEvent, Transport } from '../../src/index.ts'
import { chatWith, idsIn, textsIn, watch } from '../build.ts'
import { missMessages } from '../missed-messages.ts'

assertNothingLeft(t)

const { url, gateways, amqpUrl, secret } = await startCluster(t, { env: noRateLimits })

// One more gateway, which remembers few events and doesn’t ask history, so that its clients have to. Its path to the broker can
// be cut.
const toBroker = await startBridge(t, amqpUrl)
const forgetful = await startService(t, 'gateway', {
  ...noRateLimits,
  RABBLE_AMQP_URL: toBroker.url,
  RABBLE_SECRET: secret,
  RABBLE_RECENT_PER_ROOM: '20',
  RABBLE_PUBLISH_TIMEOUT_MS: '1000',
})

const transports: Transport[] = ['websocket', 'sse', 'polling']
let lastRoom = 0
/** Returns a separate room for each test. */
const nextRoom = () => `room-${++lastRoom}`

let lastUser = 0
/** Connects a guest that no other test uses. */
function guest(t: TestContext, more: ConnectOptions = {}): Chat {
  return chatWith(t, { url, name: `Guest ${++lastUser}`, ...more })
}

/** Returns the gateway that holds a chat’s connection. */
async function gatewayOf(t: TestContext, chat: Chat) {
  for (const gateway of gateways) {
    const { here } = await (await connectChat(t, gateway.url)).request({ type: 'gateways' })
    if (chat.state.status === 'open' && chat.state.gateway === here) return gateway
  }
  throw new Error('the chat is with no gateway')
}

t.test(
  'a conversation over all transports goes on when a gateway is killed: nothing missing, nothing twice, in one order',
  async (t) => {
    const name = nextRoom()
    const chats = transports.map((transport) => guest(t, { transports: [transport] }))
    const streams: Record<string, RoomEvent[]> = {}
    for (const [index, chat] of chats.entries()) {
      streams[`client ${index}`] = watch(chat.room(name))
      await chat.room(name).join()
    }
    const users = chats.map(({ user }) => user)
    const sent: Promise<{ id: string }>[] = []
    let written = 0
    const write = () => {
      for (let count = 0; count < 30; count++) {
        for (const chat of chats) sent.push(chat.room(name).send(`${written}`))
        written++
      }
    }
    const timesIn = () => streams['client 0']?.filter(({ type }) => type === 'joined').length ?? 0
    const doomed = await gatewayOf(t, chats[0] as Chat)

    write()
    // Each chat sends one message at a time: after the first acknowledgement most of them are unsent.
    await Promise.race(sent)
    await doomed.kill()
    write()
    await until(() => timesIn() === 2, 90_000, 'the one that was thrown out to come back')
    await doomed.restart()
    write()
    const ids = (await Promise.all(sent)).map(({ id }) => id)
    const seen = () => {
      const all = Object.entries(streams).map(([who, events]) => [who, idsIn(events)])
      return checkOrder(Object.fromEntries(all), ids)
    }
    await until(() => seen().ok, 90_000, 'everybody to see everything').catch(() => {})
    t.ok(seen().ok, seen().text)
    t.notOk(Object.values(streams).some((events) => events.some(({ type }) => type === 'gap')))
    t.same(
      chats.map(({ user }) => user),
      users,
      'everybody is who they were',
    )
    t.same(
      chats.flatMap(({ pending }) => pending),
      [],
    )
    const inOrder = Array.from({ length: written }, (_, index) => `${index}`)
    for (const { user } of chats) {
      const own = (streams['client 1'] ?? []).filter(
        (event) => event.type === 'message' && event.message.from.id === user?.id,
      )
      t.same(textsIn(own), inOrder, 'each one’s are in the order in which they were written')
    }
  },
)

t.test('while the broker is away what is written waits, and goes out once when it is back', async (t) => {
  const name = nextRoom()
  const [ada, bob] = [guest(t, { url: forgetful.url }), guest(t)]
  const events = watch(bob.room(name))
  await Promise.all([ada.room(name).join(), bob.room(name).join()])
  await ada.room(name).send('before')
  // It is acknowledged before it comes back, and would wait for that with the others.
  await until(() => ada.pending.length === 0, 30_000, 'the first one to come back')
  toBroker.cut()
  const sent = Promise.all(['one', 'two', 'three'].map((text) => ada.room(name).send(text)))
  await until(() => ada.pending[0]?.error?.code === 'unavailable', 90_000, 'the page to know why')
  t.equal(ada.pending.length, 3)
  toBroker.mend()
  t.equal(new Set((await sent).map(({ id }) => id)).size, 3)
  await until(() => textsIn(events).includes('three'), 90_000, 'Bob to see it')
  t.same(textsIn(events), ['before', 'one', 'two', 'three'])
})

t.test('edits and deletions reach everybody, also those who were away', async (t) => {
  const name = nextRoom()
  const [ada, bob, late] = [guest(t), guest(t), guest(t)]
  const [room, there] = [ada.room(name), bob.room(name)]
  const events = watch(there)
  await Promise.all([room.join(), there.join()])
  const { id: edited } = await room.send('frist')
  const { id: deleted } = await room.send('nonsense')
  // Only a gateway that has a message knows its author.
  await until(() => idsIn(events).includes(deleted), 30_000, 'Bob to see both')
  await room.edit(edited, 'first')
  await room.delete(deleted)
  await t.rejects(there.edit(edited, 'mine'), { code: 'forbidden' })
  await room.send('last')
  await until(() => textsIn(events).includes('last'), 30_000, 'the last one')
  const wanted = [{ text: 'first', edited: Object }, { text: '', deleted: Object }, { text: 'last' }]
  t.match(there.messages, wanted)
  t.match(
    events.map(({ type }) => type).filter((type) => type === 'edit' || type === 'delete'),
    ['edit', 'delete'],
  )
  await late.room(name).join()
  // The gateway may lag behind Bob's.
  await until(
    () => late.room(name).messages.at(-1)?.text === 'last',
    30_000,
    'the last one for who came late',
  )
  t.match(late.room(name).messages, wanted)
  const inHistory = async () => (await late.room(name).history({ limit: 2 })).messages
  await until(async () => (await inHistory()).at(-1)?.text === 'last', 30_000, 'history to have it')
  t.match(await inHistory(), wanted.slice(1))
})

t.test('a direct message reaches its user, with no room opened', async (t) => {
  const [ada, bob] = [guest(t), guest(t)]
  const told: string[] = []
  bob.on('direct', ({ event, peer }) => {
    if (event.type === 'message') told.push(`${peer === ada.user?.id}: ${event.text}`)
  })
  await Promise.all([ada.ready, bob.ready])
  await ada.sendTo(bob.user?.id ?? '', 'a word in private')
  await until(() => told.length === 1, 30_000, 'the message')
  t.same(told, ['true: a word in private'])
  const room = bob.directRoom(ada.user?.id ?? '')
  await room.join()
  await room.send('yes?')
  await until(() => room.messages.length === 2, 30_000, 'both')
  t.match(room.messages, [{ text: 'a word in private' }, { text: 'yes?' }])
  const inHistory = async () => (await room.history()).messages
  await until(
    async () => (await inHistory()).length === 2,
    30_000,
    'history to have it, for who has the token',
  )
})

t.test('a name that somebody holds is refused', async (t) => {
  await chatWith(t, { url, name: 'Zoë' }).ready
  const other = chatWith(t, { url, name: 'Zoë' })
  await t.rejects(other.ready, { code: 'name-taken' })
})

t.test('what a gateway can’t replay is read from history', async (t) => {
  const toGateway = await startBridge(t, forgetful.url)
  await missMessages(t, {
    room: nextRoom(),
    // More than a page of history.
    count: 600,
    reader: toGateway.url,
    writer: url,
    url,
    cut: () => toGateway.cut(),
    mend(reader) {
      toGateway.mend()
      reader.reconnect()
    },
  })
})

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  checkOrder,
  createRandom,
  noRateLimits,
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

const cluster = await startCluster(t, { gateways: 3, ownServers: true, env: noRateLimits })
const { url, gateways, rabbitmq } = cluster
let lastRoom = 0
/** Returns a separate room for each test. */
const nextRoom = () => `room-${++lastRoom}`

let lastUser = 0
const transports: Transport[] = ['websocket', 'sse', 'polling']
/** Connects a number of guests that no other test uses, over all transports in turn. */
function guests(t: TestContext, count: number, more: ConnectOptions = {}): Chat[] {
  return Array.from({ length: count }, (_, n) => {
    const own = transports.slice(n % transports.length, (n % transports.length) + 1)
    return chatWith(t, { url, name: `Guest ${++lastUser}`, transports: own, ...more })
  })
}

/**
 * Kills each gateway in turn, so that all clients lose their connection at least once. The pauses are real: a gateway stays away
 * for a while, and its clients send messages through another one.
 */
async function killInTurn(): Promise<void> {
  for (const gateway of gateways) {
    await gateway.kill()
    await sleep(200)
    await gateway.restart()
    await gateway.ready()
  }
}

t.test(
  'a conversation goes on over killed gateways: nothing missing, nothing twice, in one order',
  async (t) => {
    const name = nextRoom()
    const chats = guests(t, 3)
    const streams: Record<string, RoomEvent[]> = {}
    for (const [index, chat] of chats.entries()) {
      streams[`client ${index}`] = watch(chat.room(name))
      await chat.room(name).join()
    }
    const users = chats.map(({ user }) => user)
    const sent: Promise<{ id: string }>[] = []
    let talking = true
    const talk = (async () => {
      for (let index = 0; talking; index++) {
        // A chat that can't keep up waits before its outbox is full.
        for (const chat of chats) if (chat.pending.length < 100) sent.push(chat.room(name).send(`${index}`))
        // Users pause between messages.
        await sleep(50)
      }
    })()
    await killInTurn()
    talking = false
    await talk
    const ids = (await Promise.all(sent)).map(({ id }) => id)
    const seen = () =>
      Object.fromEntries(Object.entries(streams).map(([who, events]) => [who, idsIn(events)]))
    await until(() => checkOrder(seen(), ids).ok, 90_000, 'everybody to see everything').catch(() => {})
    t.ok(checkOrder(seen(), ids).ok, checkOrder(seen(), ids).text)
    t.ok(Object.values(streams).every((events) => events.filter(({ type }) => type === 'joined').length > 1))
    t.notOk(Object.values(streams).some((events) => events.some(({ type }) => type === 'gap')))
    t.same(
      chats.map(({ user }) => user),
      users,
      'everybody is who they were',
    )
    for (const chat of chats) {
      t.same(chat.pending, [])
      const own = chat.room(name).messages.filter(({ from }) => from.id === chat.user?.id)
      const numbers = own.map(({ text }) => Number(text))
      t.same(
        numbers,
        numbers.toSorted((a, b) => a - b),
        'each one’s are in the order in which they were written',
      )
    }
  },
)

t.test('while the broker is down what is written waits, and goes out once when it is back', async (t) => {
  const name = nextRoom()
  const [ada, bob] = guests(t, 2) as [Chat, Chat]
  const events = watch(bob.room(name))
  await Promise.all([ada.room(name).join(), bob.room(name).join()])
  await ada.room(name).send('before')
  // It is acknowledged before it comes back, and would wait for that with the others.
  await until(() => ada.pending.length === 0, 30_000, 'the first one to come back')
  await rabbitmq.kill()
  const sent = Promise.all(['one', 'two', 'three'].map((text) => ada.room(name).send(text)))
  await until(() => ada.pending[0]?.error?.code === 'unavailable', 90_000, 'the page to know why')
  t.equal(ada.pending.length, 3)
  await rabbitmq.restart()
  t.equal(new Set((await sent).map(({ id }) => id)).size, 3)
  await until(() => textsIn(events).includes('three'), 90_000, 'Bob to see it')
  t.same(textsIn(events), ['before', 'one', 'two', 'three'])
})

t.test('what a gateway can’t replay is read from history', async (t) => {
  // Gateways that remember few events and don’t ask history, so that the client has to.
  const [one, two] = await Promise.all(
    [1, 2].map(() =>
      startService(t, 'gateway', {
        ...noRateLimits,
        RABBLE_AMQP_URL: rabbitmq.url,
        RABBLE_SECRET: cluster.secret,
        RABBLE_RECENT_PER_ROOM: '20',
      }),
    ),
  )
  await missMessages(t, {
    room: nextRoom(),
    count: 1_300,
    reader: two?.url ?? '',
    writer: one?.url ?? '',
    url,
    cut: () => two?.kill(),
    mend: () => two?.restart(),
  })
})

const seed = Number(process.env.SEED ?? randomInt(1_000_000))
t.test(
  `whatever happens to gateways, broker and connections, in the end all is well (SEED=${seed})`,
  async (t) => {
    const random = createRandom(seed)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    const rooms = [nextRoom(), nextRoom()]
    const chats = guests(t, 4, { heartbeat: 5_000 })
    const streams = new Map(rooms.map((room) => [room, {} as Record<string, RoomEvent[]>]))
    for (const [index, chat] of chats.entries()) {
      for (const room of rooms) {
        const events = watch(chat.room(room))
        Object.assign(streams.get(room) ?? {}, { [`client ${index}`]: events })
        await chat.room(room).join()
      }
    }
    const sent = new Map(rooms.map((room) => [room, [] as Promise<{ id: string }>[]]))
    const down = new Set<(typeof gateways)[number]>()
    for (let step = 0; step < 300; step++) {
      const what = random()
      if (what < 0.85) {
        const room = pick(rooms)
        sent.get(room)?.push(pick(chats).room(room).send(`${step}`))
      } else if (what < 0.92) pick(chats).reconnect()
      else if (what < 0.97) {
        const gateway = pick(gateways)
        if (down.delete(gateway)) await gateway.restart()
        else if (down.size < 2) {
          down.add(gateway)
          await gateway.kill()
        }
      } else if (what < 0.98) {
        await rabbitmq.kill()
        await sleep(500)
        await rabbitmq.restart()
      }
      // The length is random, so that the next step comes at any moment of the work in progress.
      await sleep(random() * 100)
    }
    for (const gateway of down) await gateway.restart()
    for (const room of rooms) {
      const ids = (await Promise.all(sent.get(room) ?? [])).map(({ id }) => id)
      const seen = () => {
        const all = Object.entries(streams.get(room) ?? {})
        return checkOrder(Object.fromEntries(all.map(([who, events]) => [who, idsIn(events)])), ids)
      }
      await until(() => seen().ok, 90_000, `everybody to see all of ${room}`).catch(() => {})
      t.ok(seen().ok, seen().text)
    }
    for (const chat of chats) t.same(chat.pending, [])
  },
)

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { type Chat, connect, type Room, type Transport } from '@rabble/client'
import { type Conversations, createConversations } from '@rabble/client/conversations'
import type { MessageEvent } from '@rabble/contract'
import {
  assertNothingLeft,
  checkOrder,
  createRandom,
  noRateLimits,
  startCluster,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { expectedOf, shownBy, type Told, totalsOf } from '../told-conversations.ts'

assertNothingLeft(t)

const seed = Number(process.env.CONVERSATIONS_SEED ?? randomInt(2 ** 31))
const rounds = 2
/** Messages that are acknowledged before and after each kill, and those that a user may have under way. */
const portion = 150
const most = 10
const timeout = 180_000
const open = ['team', 'plans', 'news']
const direct = ['dm:ada:bob', 'dm:ada:cleo', 'dm:bob:dan']
const people = ['ada', 'bob', 'cleo', 'dan']
const roomsOf = (user: string) => [...open, ...direct.filter((room) => room.split(':').includes(user))]

interface Device {
  name: string
  user: string
  chat: Chat
  list: Conversations
}

/** A user with a device that is in all rooms, hears everything and writes, and others that show the list only. */
interface Person {
  user: string
  devices: Device[]
  rooms: Map<string, Room>
  /** Messages as they came, by room. */
  heard: Map<string, MessageEvent[]>
}

const cluster = await startCluster(t, { nginx: false, ownServers: true, env: noRateLimits })
const { gateways, histories, rooms, rabbitmq, postgres } = cluster
const tokens = createTokens(cluster.secret)

async function startDevice(t: Test, user: string, transport: Transport, gateway: number): Promise<Device> {
  const roles = user === 'dan' ? ['moderator'] : []
  const token = await tokens.sign({ id: user, name: user }, 3_600, roles)
  const url = gateways[gateway]?.url ?? ''
  const chat = connect({ url, transports: [transport], WebSocket, token })
  t.teardown(() => chat.close())
  await chat.ready
  const list = createConversations(chat)
  t.teardown(() => list.close())
  return { name: `${user} over ${transport} at gateway ${gateway + 1}`, user, chat, list }
}

async function startPerson(t: Test, user: string, devices: [Transport, number][]): Promise<Person> {
  const started = await Promise.all(devices.map(([transport, n]) => startDevice(t, user, transport, n)))
  const { chat } = started[0] as Device
  const heard = new Map<string, MessageEvent[]>()
  const own = roomsOf(user).map((name) => {
    const room = chat.room(name)
    heard.set(name, [])
    room.on('message', ({ message }) => void heard.get(name)?.push(message))
    room.on('gap', ({ reason }) => t.fail(`${user} has a gap in ${name}: ${reason}`))
    return [name, room] as const
  })
  await Promise.all(own.map(([, room]) => room.join()))
  return { user, devices: started, rooms: new Map(own), heard }
}

/** Waits until all devices show what follows from what was told, and a new device of each user shows just the same. */
async function check(
  t: Test,
  all: readonly Person[],
  told: Told,
  left: readonly string[] = [],
): Promise<void> {
  for (const { user, devices } of all) {
    const expected = expectedOf(
      told,
      user,
      roomsOf(user).filter((room) => !left.includes(`${user} ${room}`)),
    )
    const byRoom = (list: typeof expected) => list.toSorted((one, other) => (one.room < other.room ? -1 : 1))
    const late = await startDevice(t, user, 'websocket', 0)
    for (const device of [...devices, late]) {
      const { list, name } = device
      const shown = () => {
        const all = shownBy(list.getSnapshot(), expected)
        // A new list has the order of the server. In an older one a room comes to the front when the device hears of it.
        return device === late ? all : byRoom(all)
      }
      const wanted = device === late ? expected : byRoom(expected)
      await until(() => isDeepStrictEqual(shown(), wanted), timeout, name).catch(() => {})
      t.strictSame(shown(), wanted, `${name} shows what follows from what was told`)
      const { unread, mentions } = list.getSnapshot()
      t.same({ unread, mentions }, totalsOf(expected), `${name}: the sums`)
    }
    t.ok(late.list.getSnapshot().conversations.every(({ lastMessage }) => lastMessage !== undefined))
    late.list.close()
    late.chat.close()
  }
}

/** Repeats an action until it is acknowledged, whatever refuses it. A test with one that is always refused ends by its timeout. */
async function insist(action: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await action()
      return
    } catch {
      await sleep(100)
    }
  }
}

t.test(
  `devices show the same conversations, also after a kill -9 of everything, CONVERSATIONS_SEED=${seed}`,
  async (t) => {
    const all = await Promise.all([
      startPerson(t, 'ada', [
        ['websocket', 0],
        ['websocket', 1],
        ['sse', 0],
        ['polling', 1],
      ]),
      startPerson(t, 'bob', [
        ['websocket', 1],
        ['sse', 1],
      ]),
      startPerson(t, 'cleo', [['polling', 0]]),
      startPerson(t, 'dan', [['websocket', 0]]),
    ])
    const [ada, bob, , dan] = all as [Person, Person, Person, Person]
    const told: Told = {
      messages: (room) => all.find(({ heard }) => heard.has(room))?.heard.get(room) ?? [],
      reads: [],
      deleted: new Set(),
      muted: new Set(),
    }
    const acknowledged = new Map<string, string[]>(
      roomsOf('')
        .concat(direct)
        .map((room) => [room, []]),
    )
    const count = () => [...acknowledged.values()].reduce((sum, ids) => sum + ids.length, 0)
    const say = async ({ user, rooms }: Person, room: string, mentions: readonly string[] = []) => {
      const options = mentions.length > 0 ? { mentions } : {}
      const { id } = await (rooms.get(room) as Room).send(`${user} in ${room}`, options)
      acknowledged.get(room)?.push(id)
      return id
    }
    const read = async ({ list, user }: Device, room: string, upTo: string) => {
      await insist(() => list.markRead(room, upTo))
      told.reads.push({ user, room, upTo })
    }
    const mute = async ({ list, user }: Device, room: string, muted: boolean) => {
      await insist(() => list.mute(room, muted))
      if (muted) told.muted.add(`${user} ${room}`)
      else told.muted.delete(`${user} ${room}`)
    }
    const heardAll = ({ heard }: Person) =>
      [...heard].every(([room, messages]) => messages.length >= (acknowledged.get(room)?.length ?? 0))
    const settled = () => until(() => all.every(heardAll), timeout, 'everybody to hear everything')

    const isMember = ({ devices }: Person) =>
      open.every((room) => devices[0]?.list.getSnapshot().conversations.some((one) => one.room === room))
    await until(() => all.every(isMember), timeout, 'the memberships')
    for (const room of open) await say(dan, room)

    for (const [n, device] of ada.devices.entries()) {
      const id = await say(bob, 'team', ['ada'])
      await say(bob, 'dm:ada:bob')
      await settled()
      await check(t, [ada], told)
      await read(device, 'team', id)
      await mute(device, 'plans', n % 2 === 0)
      await check(t, [ada], told)
    }

    const random = createRandom(seed)
    const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item
    const failures: unknown[] = []
    let isOver = false
    /** Writes, mentions, deletes, reads and mutes, on any device, until it is over and all of that is acknowledged. */
    const live = async (person: Person) => {
      const { user, devices, heard } = person
      const underWay = new Set<Promise<void>>()
      const begin = (action: Promise<unknown>) => {
        const done: Promise<void> = action.then(
          () => void underWay.delete(done),
          (error: unknown) => void failures.push(error),
        )
        underWay.add(done)
      }
      while (!isOver) {
        await sleep(random() * 60)
        const room = pick(roomsOf(user))
        const what = random()
        const known = heard.get(room) ?? []
        const own = known.filter(({ id, from }) => from.id === user && !told.deleted.has(id))
        if (what < 0.6 && underWay.size < most) {
          const named = random() < 0.4 ? [pick(people.filter((other) => other !== user))] : []
          const everybody = user === 'dan' && open.includes(room) && random() < 0.3 ? ['@room'] : []
          begin(say(person, room, [...named, ...everybody]))
        } else if (what < 0.8 && known.length > 0) {
          await read(pick(devices), room, pick(known.slice(-8)).id)
        } else if (what < 0.9 && own.length > 0) {
          const { id } = pick(own.slice(-5))
          // Noted first, so that it is chosen only once. The comparison waits for the acknowledgement.
          told.deleted.add(id)
          begin((person.rooms.get(room) as Room).delete(id))
        } else if (what < 0.92 && known.length > 0) await mute(pick(devices), room, random() < 0.5)
      }
      await Promise.all(underWay)
    }
    const more = (what: string) => {
      const goal = count() + portion
      return until(() => count() >= goal, timeout, what)
    }
    for (let round = 1; round <= rounds; round++) {
      isOver = false
      const living = Promise.all(all.map(live))
      await more('people to be under way')
      const everything = [...gateways, ...histories, ...rooms, rabbitmq, postgres]
      await Promise.all(everything.map((one) => one.kill()))
      // They write on, and it waits in their outboxes.
      await sleep(1_000)
      await Promise.all(everything.map((one) => one.restart()))
      await more('people to go on')
      isOver = true
      await living
      t.same(failures, [], 'nothing was refused for good')
      await settled()
      for (const room of [...open, ...direct]) {
        const streams = all.flatMap(({ user, heard }) => {
          const messages = heard.get(room)
          return messages === undefined ? [] : [[user, messages.map(({ id }) => id)] as const]
        })
        const report = checkOrder(Object.fromEntries(streams), acknowledged.get(room))
        t.ok(report.ok, `${room}: ${report.text}`)
      }
      await check(t, all, told)
      t.comment(
        `round ${round}: ${count()} messages, ${told.reads.length} reads, ${told.deleted.size} deletions`,
      )
    }

    // A membership that has ended stays so.
    await ada.rooms.get('news')?.leave()
    ada.heard.delete('news')
    const isGone = ({ list }: Device) => list.getSnapshot().conversations.every(({ room }) => room !== 'news')
    await until(() => ada.devices.every(isGone), timeout, 'the room to be gone on all devices')
    await Promise.all(gateways.map((gateway) => gateway.kill()))
    await Promise.all(gateways.map((gateway) => gateway.restart()))
    await say(bob, 'news', ['ada'])
    await say(bob, 'team')
    await settled()
    await check(t, all, told, ['ada news'])
  },
)

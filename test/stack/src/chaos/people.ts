import { setTimeout as sleep } from 'node:timers/promises'
import { type Chat, ChatError, connect, type Room, type Transport } from '@rabble/client'
import { type Conversations, createConversations } from '@rabble/client/conversations'
import { react } from '@rabble/client/reactions'
import { type SteadyClient, startSteadyClient, type TestContext } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import { WebSocket } from 'ws'
import { type Reading, readKey, type Said, type Told } from './verdict.ts'

export interface PeopleOptions {
  url: string
  secret: string
  people: number
  rooms: number
  /** Actions of each person per second. */
  rate: number
  random: () => number
}

/** Somebody who chats, with the SDK. */
export interface Person {
  readonly name: string
  readonly chat: Chat
  readonly conversations: Conversations
  /** The rooms that the person is in. */
  readonly rooms: ReadonlyMap<string, Room>
}

export interface People {
  readonly all: readonly Person[]
  /** Programs that speak the protocols without the SDK. Each is in all rooms. */
  readonly programs: readonly SteadyClient[]
  /** Messages that were acknowledged, with what was done to them. */
  readonly said: Map<string, Said>
  /** Returns the events that each person and each program got of each room. */
  told(): readonly Told[]
  /** Person and room → messages up to which the person has read, whether or not that was acknowledged. */
  readonly read: ReadonlyMap<string, readonly Reading[]>
  /** Ends all actions, and resolves when those under way are acknowledged. */
  rest(): Promise<void>
}

const transports: readonly (readonly Transport[])[] = [['websocket'], ['websocket'], ['sse'], ['polling']]
const ways = ['websocket', 'socketio', 'socketio-polling', 'polling'] as const
const emojis = ['👍', '🎉', '👀']
/** Messages that nobody lets go of: what is on the screen at the end is compared with history. */
const keep = 1_000_000

/** Lets people chat at random until they rest: each is in half of the rooms, and writes, edits, deletes, reacts and reads. */
export async function startPeople(t: TestContext, options: PeopleOptions): Promise<People> {
  const { url, secret, random, rate } = options
  const tokens = createTokens(secret)
  const said = new Map<string, Said>()
  const read = new Map<string, Reading[]>()
  const streams: Told[] = []
  const stop = new AbortController()
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random() * items.length)]

  async function enter(index: number): Promise<Person> {
    const name = `person-${index + 1}`
    const token = await tokens.sign({ id: name, name }, 24 * 3_600)
    const chat = connect({
      url,
      token,
      WebSocket,
      keep,
      catchUp: keep,
      transports: transports[index % transports.length] ?? [],
    })
    t.teardown(() => chat.close())
    const rooms = new Map<string, Room>()
    for (let n = 0; n < options.rooms; n++) {
      if ((index + n) % 2 === 1) continue
      const room = chat.room(`room-${n + 1}`)
      const told = {
        person: name,
        room: room.name,
        messages: [] as string[],
        changes: [] as string[],
        gaps: 0,
      }
      streams.push(told)
      room.on('message', ({ message }) => told.messages.push(message.id))
      for (const type of ['edit', 'delete', 'reaction'] as const) {
        room.on(type, ({ change }) => told.changes.push(change.id))
      }
      room.on('gap', () => told.gaps++)
      await room.join()
      rooms.set(room.name, room)
    }
    return { name, chat, conversations: createConversations(chat), rooms }
  }

  /** Somebody comes, looks around, and goes: often while the system is in no state to notice. */
  async function visit(): Promise<void> {
    for (let count = 1; !stop.signal.aborted; count++) {
      const name = `visitor-${count}`
      const chat = connect({ url, token: await tokens.sign({ id: name, name }, 24 * 3_600), WebSocket })
      void chat.room(`room-${1 + (count % options.rooms)}`).join()
      await sleep(500 + random() * 3_000)
      chat.close()
    }
  }

  const all = await Promise.all(Array.from({ length: options.people }, (_, index) => enter(index)))

  async function act(person: Person, count: number): Promise<void> {
    const room = pick([...person.rooms.values()])
    if (room === undefined) return
    const kind = random()
    const own = [...said.values()].filter(
      (message) => message.by === person.name && message.room === room.name && !message.deleted,
    )
    const recent = own.slice(-20)
    if (kind < 0.08 && recent.length > 0) {
      const message = pick(recent) as Said
      const text = `${message.text}, again`
      await room.edit(message.id, text)
      message.text = text
    } else if (kind < 0.12 && recent.length > 0) {
      const message = pick(recent) as Said
      await room.delete(message.id)
      message.deleted = true
    } else if (kind < 0.22) {
      const message = pick(room.messages.slice(-20))
      if (message === undefined) return
      const [emoji, remove] = [pick(emojis) ?? '👍', random() < 0.3]
      await react(room, message.id, emoji, { remove })
    } else if (kind < 0.3) {
      const newest = room.messages.at(-1)
      if (newest === undefined) return
      const reading: Reading = { message: newest.id, acknowledged: false }
      const key = readKey(person.name, room.name)
      read.set(key, [...(read.get(key) ?? []), reading])
      await person.conversations.markRead(room.name, newest.id)
      reading.acknowledged = true
    } else {
      const text = `${count} from ${person.name}`
      const { id } = await room.send(text)
      said.set(id, { id, room: room.name, by: person.name, text, deleted: false })
    }
  }

  async function live(person: Person): Promise<void> {
    for (let count = 1; !stop.signal.aborted; count++) {
      await sleep((-Math.log(1 - random()) * 1_000) / rate)
      try {
        await act(person, count)
      } catch (error) {
        if (!(error instanceof ChatError) || !isExpected(error)) throw error
      }
    }
  }

  const roomNames = Array.from({ length: options.rooms }, (_, n) => `room-${n + 1}`)
  const programs = await Promise.all(
    ways.map(async (transport) => {
      const name = `program-over-${transport}`
      const token = await tokens.sign({ id: name, name }, 24 * 3_600)
      return startSteadyClient(t, { url, name, token, transport, rooms: roomNames })
    }),
  )

  async function work(program: SteadyClient): Promise<void> {
    for (let count = 1; !stop.signal.aborted; count++) {
      await sleep((-Math.log(1 - random()) * 1_000) / rate)
      const room = pick(roomNames) ?? ''
      const text = `${count} from ${program.name}`
      const id = await program.send(room, text)
      said.set(id, { id, room, by: program.name, text, deleted: false })
    }
  }

  const living = Promise.all([...all.map(live), ...programs.map(work), visit()])
  living.catch(() => {})
  return {
    all,
    said,
    read,
    programs,
    told: () => [
      ...streams,
      ...programs.flatMap((program) =>
        roomNames.map((room) => ({
          person: program.name,
          room,
          messages: program.ids(room),
          changes: [],
          gaps: 0,
        })),
      ),
    ],
    async rest() {
      stop.abort()
      await living
    },
  }
}

/** Whether an action may be refused although all is well: its message was deleted meanwhile, or the answer came too late. */
function isExpected({ code }: ChatError): boolean {
  return ['message-not-found', 'disconnected', 'timeout', 'unavailable', 'rate-limited'].includes(code)
}

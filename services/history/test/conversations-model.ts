import {
  type ChatEvent,
  type ConversationState,
  type ConversationsReply,
  changed,
  type MessageEvent,
  type PersonalEvent,
  roomKind,
} from '@rabble/contract'
import type { Database } from '@rabble/database'
import { createRandom } from '@rabble/harness'
import type { Test } from 'tap'
import { conversationsOf, statesOf } from '../src/messages/conversations.ts'
import { deletion, edit } from './change.ts'
import { message } from './message.ts'
import { write } from './write.ts'

type Event = ChatEvent | PersonalEvent

const users = ['ada', 'bob', 'eve']
const rooms = ['general', 'random', 'dm:ada:bob', 'dm:eve:eve']

const readable = async (_user: string, rooms: readonly string[]) => new Set(rooms)

function timeOf(n: number): string {
  return new Date(Date.UTC(2026, 10, 22) + n * 1_000).toISOString()
}

/**
 * Returns a log in which users enter and leave, write, mention, delete, and read on two devices, of which one lags. Some events stand
 * there twice, as after a lost confirm, and some read positions name messages that are not there, or follow.
 */
function randomLog(random: () => number, count: number): Event[] {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item
  const log: Event[] = []
  const messages: MessageEvent[] = []
  for (let n = 0; n < count; n++) {
    const what = random()
    const user = pick(users)
    const room = pick(rooms)
    // Several events have the same time.
    const at = timeOf(Math.floor(n / 3))
    const own = { room, user, at, via: 'gateway-1' }
    const target = pick(messages)
    if (what < 0.35 || target === undefined) {
      const writers = room.startsWith('dm:') ? room.split(':').slice(1) : users
      const from = pick(writers)
      const mentions =
        random() < 0.4 ? [...new Set([pick(users), pick([...users, '@room', '@here'])])] : undefined
      const event = message(`m${n}`, {
        room,
        from: { id: from, name: from },
        at,
        ...(mentions && { mentions }),
      })
      messages.push(event)
      log.push(event)
    } else if (what < 0.5) {
      log.push({ type: 'membership', id: `j${n}`, ...own, member: random() < 0.7 })
    } else if (what < 0.75) {
      // One device has seen the newest messages, the other one old ones.
      const seen = random() < 0.5 ? messages.slice(-10) : messages
      const { id, room } = pick(seen)
      const stray = random() < 0.1 ? { upTo: `m${n + 3}` } : {}
      log.push({ type: 'read', id: `r${n}`, ...own, room, upTo: id, ...stray })
    } else if (what < 0.8) {
      log.push({ type: 'mute', id: `q${n}`, ...own, muted: random() < 0.6 })
    } else if (what < 0.88) {
      log.push(deletion(`d${n}`, target.id, { room: target.room, from: target.from }))
    } else if (what < 0.92) {
      log.push(edit(`e${n}`, target.id, { room: target.room, from: target.from, text: `text ${n}` }))
    } else {
      // The newest events: a batch is sent again before others.
      log.push(
        pick(
          log
            .slice(-3)
            .filter(({ type }) => type !== 'membership')
            .concat(target),
        ),
      )
    }
  }
  return log
}

interface Member {
  since: string
  /** Number of events of the log after which the user has not read. */
  readAt: number
  readUpTo: string | undefined
  muted: boolean
}

/** Returns what a user's list says after a log, by walking through all of it and counting. */
function listOf(log: readonly Event[], user: string): Omit<ConversationState, 'version'>[] {
  const places = new Map<string, number>()
  const messages = new Map<string, MessageEvent>()
  const members = new Map<string, Member>()
  const mentioned = new Map<string, string[]>()
  for (const [place, event] of log.entries()) {
    const { room } = event
    const inRoom = [...messages.values()].filter((one) => one.room === room)
    const own = members.get(room)
    const readTo = (id: string) => {
      const at = places.get(id) as number
      if (own !== undefined && at > own.readAt) members.set(room, { ...own, readAt: at, readUpTo: id })
    }
    if (event.type === 'message') {
      if (messages.has(event.id)) continue
      messages.set(event.id, event)
      places.set(event.id, place)
      const kind = roomKind(room)
      const isDirect = kind?.kind === 'direct' && kind.users.includes(user)
      const isNew = own === undefined && isDirect
      if (isNew) members.set(room, { since: event.at, readAt: place - 1, readUpTo: undefined, muted: false })
      const names = event.mentions ?? []
      if (members.has(room) && (names.includes('@room') || names.includes(user))) {
        mentioned.set(room, [...(mentioned.get(room) ?? []), event.id])
      }
      const member = members.get(room)
      if (event.from.id === user && member)
        members.set(room, { ...member, readAt: place, readUpTo: event.id })
    } else if (event.type === 'edit' || event.type === 'delete' || event.type === 'reaction') {
      const message = messages.get(event.message)
      if (message !== undefined) messages.set(message.id, changed(message, event))
    } else if (event.user === user) {
      if (event.type === 'mute' && own !== undefined) members.set(room, { ...own, muted: event.muted })
      if (event.type === 'read' && messages.get(event.upTo)?.room === room) readTo(event.upTo)
      if (event.type !== 'membership' || room.startsWith('dm:')) continue
      if (!event.member) {
        members.delete(room)
        mentioned.delete(room)
      } else if (own === undefined) {
        members.set(room, { since: event.at, readAt: place, readUpTo: inRoom.at(-1)?.id, muted: false })
      }
    }
  }
  const list = [...members].map(([room, { since, readAt, readUpTo, muted }]) => {
    const all = [...messages.values()].filter((one) => one.room === room)
    const after = all.filter(({ id }) => (places.get(id) as number) > readAt)
    const named = after.filter(({ id, deleted }) => !deleted && mentioned.get(room)?.includes(id))
    const kind = roomKind(room)
    const peer = kind?.kind === 'direct' ? (kind.users.find((other) => other !== user) ?? user) : undefined
    const lastMessage = all.at(-1)
    const state = {
      room,
      ...(peer !== undefined && { peer }),
      ...(lastMessage && { lastMessage }),
      unread: after.length,
      mentions: named.length,
      ...(readUpTo !== undefined && { readUpTo }),
      muted,
      count: all.length,
    }
    return { key: [lastMessage?.at ?? '', since].sort()[1] + room, state }
  })
  return list.sort((a, b) => (a.key < b.key ? 1 : -1)).map(({ state }) => state)
}

/** Writes a random log in random steps, and compares each user's list with one that is counted. */
export async function checkConversations(
  t: Test,
  database: Database,
  { seed, count }: { seed: number; count: number },
): Promise<void> {
  const random = createRandom(seed)
  const log = randomLog(random, count)
  const limit = 1 + Math.floor(random() * 3)
  for (let from = 0; from < log.length; ) {
    const size = 1 + Math.floor(random() ** 3 * 40)
    await write(database, 0, log.slice(from, from + size), { careful: random() < 0.2 })
    from += size
    if (random() < 0.8 && from < log.length) continue
    for (const user of users) {
      const expected = listOf(log.slice(0, from), user)
      const found = await listed(database, user, limit)
      t.strictSame(found, expected, `${user} after ${from} events`)
      const own = rooms.map((room) => ({ user, room }))
      const states = await statesOf(database, 1, { rooms, own, readable })
      const known = states.own.flatMap(({ json }) =>
        json === null ? [] : [withoutVersion(JSON.parse(json))],
      )
      const counts = new Map(states.rooms.map(({ room, count, last }) => [room, `${count} ${last}`]))
      for (const { room, count, lastMessage } of expected) {
        t.equal(counts.get(room), lastMessage && `${count} ${lastMessage.id}`, `count of ${room}`)
      }
      const byRoom = (list: { room: string }[]) => list.sort((a, b) => (a.room < b.room ? -1 : 1))
      t.strictSame(byRoom(known), byRoom([...expected]), `states of ${user} after ${from} events`)
    }
    t.same(await readMentions(database), [], `mentions that were read, after ${from} events`)
  }
}

/** Returns the rows of mentions that their users have read or that belong to no member: nobody would ever remove them. */
function readMentions(database: Database): Promise<object[]> {
  return database.query(
    `select mentions.* from history.mentions left join history.conversations using (user_id, room)
     where user_id <> '@room' and sequence <= coalesce(read_sequence, sequence)`,
  )
}

function withoutVersion({ version, ...state }: ConversationState): Omit<ConversationState, 'version'> {
  return state
}

async function listed(database: Database, user: string, limit: number) {
  const all: ConversationState[] = []
  for (let after: string | undefined; ; ) {
    const page: ConversationsReply = JSON.parse(
      await conversationsOf(database, { user, limit, after, readable }),
    )
    all.push(...page.conversations)
    if (page.next === undefined) return all.map(withoutVersion)
    after = page.next
  }
}

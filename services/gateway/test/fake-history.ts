import {
  type ChangeEvent,
  type ChatEvent,
  changed,
  type MessageEvent,
  type ReactionEvent,
  roomKind,
} from '@rabble/contract'
import { type ByteString, byteString, noBytes } from '@rabble/event-log'
import type { HistoryClient, Replay } from '@rabble/history/client'

/**
 * A history in memory, with the events that a test gives it. A test can delay it or make it fail. It passes the suite that the
 * real one passes.
 */
export interface FakeHistory extends HistoryClient {
  /** Messages, and the edits and deletions that follow them, by id, in the order of the log. */
  messages: Map<string, ChatEvent>
  /** Offset of the log up to which it claims to have read; null if nothing yet. */
  through: number | null
  down: boolean
  /** Read positions in all rooms, by user. */
  readonly readers: Map<string, string>
  /** Promise that delays the answers of `known`. */
  answering: Promise<unknown>
  /** Ids in each call of `known`. */
  readonly questions: readonly (readonly string[])[]
  /** Number of calls of `find`. */
  readonly asked: number
  /** Maximum number of concurrent calls of `find`. */
  readonly maxAtOnce: number
}

export function createFakeHistory(): FakeHistory {
  const questions: string[][] = []
  let asked = 0
  let open = 0
  let maxAtOnce = 0

  /** A message in its current version, and the last changes that counted. */
  function fold(message: MessageEvent) {
    let folded = message
    let newest: ChangeEvent | undefined
    let reaction: ReactionEvent | undefined
    for (const change of fake.messages.values()) {
      if (change.type === 'message') continue
      const next = changed(folded, change)
      if (next !== folded && change.type === 'reaction') reaction = change
      else if (next !== folded) newest = change
      folded = next
    }
    return { message: folded, newest, reaction: folded.deleted ? undefined : reaction }
  }

  function messageOf(id: string): MessageEvent | undefined {
    const event = fake.messages.get(id)
    return event?.type === 'message' ? event : undefined
  }

  function lineOf(event: ChatEvent): ByteString {
    if (event.type === 'message') return bytesOfJson(fold(event).message)
    const message = messageOf(event.message)
    if (message === undefined) return noBytes
    const { newest, reaction, message: now } = fold(message)
    if (reaction !== undefined && event === reaction)
      return bytesOfJson({ ...reaction, reactions: now.reactions ?? [] })
    return event === newest ? bytesOfJson(event) : noBytes
  }

  function check(room: string, user: string | undefined): void {
    if (fake.down) throw new Error('no history today')
    if (!mayRead(room, user)) throw new Error('only its participants may read this room')
  }

  const fake: FakeHistory = {
    messages: new Map(),
    through: Number.MAX_SAFE_INTEGER,
    down: false,
    readers: new Map(),
    answering: Promise.resolve(),
    questions,
    get asked() {
      return asked
    },
    get maxAtOnce() {
      return maxAtOnce
    },
    async replay({ room, after, limit }, user): Promise<Replay> {
      check(room, user)
      if (after.length < 1 || after.length > 1_000 || limit < 1 || limit > 20_000) {
        throw new Error('a replay is for up to 1,000 ids and 20,000 events')
      }
      const events = [...fake.messages.values()].filter((event) => event.room === room)
      const ids = ['', ...events.map(({ id }) => id)]
      const lines = [noBytes, ...events.map(lineOf)]
      const starts = [...ids.keys()].filter((index) => after.includes(ids[index] ?? ''))
      const nothing = { through: fake.through, complete: true, ids: [], lines: [] }
      if (starts.length === 0) return nothing
      const start = starts.find((start) => ids.length - Math.max(start, 1) <= limit)
      if (start === undefined) return { ...nothing, complete: false }
      return { ...nothing, ids: ids.slice(start), lines: lines.slice(start) }
    },
    async find(room, id, user) {
      asked++
      maxAtOnce = Math.max(maxAtOnce, ++open)
      await new Promise(setImmediate)
      open--
      check(room, user)
      const message = messageOf(id)
      const found = message?.room === room ? fold(message).message : undefined
      return { through: fake.through, message: found }
    },
    async reaction(room, message, user, emoji) {
      check(room, user)
      const revisions = [...fake.messages.values()].map((event) =>
        event.type === 'reaction' &&
        event.message === message &&
        event.from.id === user &&
        event.emoji === emoji
          ? event.revision
          : 0,
      )
      return { through: fake.through, revision: Math.max(0, ...revisions) }
    },
    async directRooms(user, limit) {
      if (fake.down) throw new Error('no history today')
      const newest = new Map<string, string>()
      for (const { type, room, id } of fake.messages.values()) {
        const kind = roomKind(room)
        if (type !== 'message' || kind?.kind !== 'direct' || !kind.users.includes(user)) continue
        newest.delete(room)
        newest.set(room, id)
      }
      const rooms = [...newest].reverse().map(([room, last]) => ({ room, last }))
      return { through: [fake.through], rooms: rooms.slice(0, limit) }
    },
    async conversations() {
      if (fake.down) throw new Error('no history today')
      return { through: [fake.through], page: { conversations: [] }, rooms: [] }
    },
    async conversationStates() {
      if (fake.down) throw new Error('no history today')
      return { through: [fake.through], rooms: [], own: [] }
    },
    async receipts({ rooms, users }) {
      if (fake.down) throw new Error('no history today')
      return {
        through: [fake.through],
        rooms: rooms.map(({ room, users }) => {
          const readers = [...fake.readers].filter(([user]) => users?.includes(user) ?? true)
          const receipts = readers.map(([user, upTo]) => ({ user, upTo }))
          return { room, version: 0, large: false, receipts }
        }),
        users: users.map((user) => ({ user, version: 0, receipts: true, presence: true })),
      }
    },
    async contacts(_user, users) {
      if (fake.down) throw new Error('no history today')
      return { through: [fake.through], contacts: users.map((user) => ({ user, shown: true })) }
    },
    async known(room, ids) {
      questions.push([...ids])
      if (fake.down) throw new Error('no history today')
      await fake.answering
      return { through: fake.through, ids: ids.filter((id) => fake.messages.get(id)?.room === room) }
    },
  }
  return fake
}

/** Returns whether a room is for all, or for this user. */
function mayRead(room: string, user: string | undefined): boolean {
  const kind = roomKind(room)
  if (kind?.kind === 'direct') return user !== undefined && kind.users.includes(user)
  return kind?.kind !== 'user' || kind.user === user
}

function bytesOfJson(event: ChatEvent): ByteString {
  return byteString(Buffer.from(JSON.stringify(event)))
}

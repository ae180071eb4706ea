import type { Clock } from '@rabble/clock'
import {
  type ChatEvent,
  type MessageEvent,
  type PersonalEvent,
  roomKind,
  type ServerFrames,
} from '@rabble/contract'
import type { ConversationStates, HistoryClient } from '@rabble/history/client'
import type { Hub } from '../sessions/hub.ts'
import { SharedFrames } from '../sessions/shared-window.ts'
import type { Memberships } from './memberships.ts'
import type { Watchers } from './watchers.ts'

/** Minimum time (ms) between two questions, and after one that failed. */
const interval = 100
const cooldown = 1_000
/** Maximum number of rooms, and of conversations, in one question. */
const maxAsked = 1_000
/** Maximum number of rooms that are recorded for a session that begins to watch. */
const maxRecorded = 100_000

/** Place in the log of what has changed a state. */
interface Place {
  partition: number
  offset: number
}

/** Conversation of a user that has changed, and the message that mentions the user. */
interface Changed extends Place {
  user: string
  room: string
  mention: MessageEvent | undefined
}

/**
 * Tells users of changes of their conversations. The log shows what has changed, and history, once it has stored as much, how it is
 * now. All changes until then share one question.
 */
export interface ConversationNews {
  /** Takes an event of the log. It costs nothing where nobody watches and the event mentions nobody. */
  take(event: ChatEvent | PersonalEvent, partition: number, offset: number): void
  /** Notes the rooms that change until the returned function is called, which tells whether one is among them. */
  record(): (room: string) => boolean
  /** Takes the state of a room as changed at a place of the log. */
  changed(room: string, place: Place): void
  /** Number of states that are asked for. */
  readonly waiting: number
  close(): void
}

export function createConversationNews(options: {
  history: Pick<HistoryClient, 'conversationStates'> | undefined
  hub: Pick<Hub, 'sessionsOf'>
  watchers: Watchers
  memberships: Pick<Memberships, 'noted'>
  clock: Clock
}): ConversationNews {
  const { history, hub, watchers, memberships, clock } = options
  const rooms = new Map<string, Place>()
  const own = new Map<string, Changed>()
  const records = new Set<Set<string>>()
  const stop = new AbortController()
  let running = false

  function changed(room: string, place: Place): void {
    rooms.set(room, place)
    run()
  }

  function changedOf(user: string, room: string, place: Place, mention?: MessageEvent): void {
    const key = `${user}\n${room}`
    own.set(key, { user, room, ...place, mention: mention ?? own.get(key)?.mention })
    run()
  }

  function run(): void {
    if (running || history === undefined || stop.signal.aborted) return
    running = true
    void ask(history).finally(() => {
      running = false
    })
  }

  async function ask(history: Pick<HistoryClient, 'conversationStates'>): Promise<void> {
    let wait = interval
    let most = maxAsked
    while (rooms.size + own.size > 0) {
      await clock.sleep(wait, { signal: stop.signal, ref: false })
      if (stop.signal.aborted) return
      const askedRooms = [...rooms].slice(0, most)
      const askedOwn = [...own].slice(0, most)
      try {
        const states = await history.conversationStates({
          rooms: askedRooms.map(([room]) => room),
          own: askedOwn.map(([, { user, room }]) => ({ user, room })),
        })
        const isStored = ({ partition, offset }: Place) => (states.through[partition] ?? -1) >= offset
        // Changed again meanwhile: it is asked for again, and what has come is news all the same.
        for (const [room, place] of askedRooms)
          if (isStored(place) && rooms.get(room) === place) rooms.delete(room)
        const stored = askedOwn.filter(([, change]) => isStored(change))
        for (const [key, change] of stored) if (own.get(key) === change) own.delete(key)
        tell(states, new Map(stored))
        wait = interval
        most = Math.min(maxAsked, 2 * most)
      } catch {
        wait = cooldown
        // History may be too slow for so many, or refuse so large a question. The same one again would be refused for ever.
        most = Math.max(1, most >> 1)
      }
    }
  }

  function tell(states: ConversationStates, stored: ReadonlyMap<string, Changed>): void {
    for (const { user, room, version, json } of states.own) {
      // The membership that is not stored yet begins it, and would look like one that has ended.
      if (json === null && !stored.has(`${user}\n${room}`)) continue
      const conversation = json === null ? undefined : JSON.parse(json)
      const frame: ServerFrames['conversation'] = {
        type: 'conversation',
        room,
        ...(conversation !== undefined && { conversation }),
        version,
      }
      for (const session of watchers.sessionsOf(user)) session.reply(frame)
      const mention = stored.get(`${user}\n${room}`)?.mention
      const isRoom = roomKind(room)?.kind === 'room'
      if (mention === undefined || !isRoom || conversation?.lastMessage === undefined) continue
      for (const session of hub.sessionsOf(user)) {
        if (!session.rooms.has(room)) session.reply({ type: 'mention', room, message: mention })
      }
    }
    // After those: a user who has just written is told of nothing unread.
    for (const state of states.rooms) {
      const frames = new SharedFrames([Buffer.from(JSON.stringify({ type: 'activity', ...state }))])
      for (const user of watchers.usersIn(state.room) ?? []) {
        for (const session of watchers.sessionsOf(user)) session.push(frames.encodedFor(session))
      }
    }
  }

  function takeMessage(event: MessageEvent, place: Place): void {
    const { room, from, mentions } = event
    const users = watchers.usersIn(room)
    if (users !== undefined) changed(room, place)
    if (users?.has(from.id)) changedOf(from.id, room, place)
    for (const user of directUsers(room)) if (watchers.has(user)) changedOf(user, room, place)
    if (mentions === undefined) return
    const named = mentions.includes('@room') ? (users ?? []) : mentions
    for (const user of named) {
      const isHere = hub.sessionsOf(user)[Symbol.iterator]().next().done === false
      if (isHere && user !== from.id) changedOf(user, room, place, event)
    }
  }

  function take(event: ChatEvent | PersonalEvent, place: Place): void {
    const { room } = event
    for (const record of records) if (record.size <= maxRecorded) record.add(room)
    switch (event.type) {
      case 'message':
        takeMessage(event, place)
        return
      case 'edit':
      case 'reaction':
        return
      case 'delete':
        // It may have mentioned any of them.
        for (const user of watchers.usersIn(room) ?? directUsers(room)) {
          if (watchers.has(user)) changedOf(user, room, place)
        }
        return
      case 'membership':
        memberships.noted(event)
        if (event.member) watchers.enter(event.user, room)
        else watchers.leave(event.user, room)
        break
      case 'read':
      case 'mute':
        break
      case 'privacy':
      case 'seen':
        return
      default:
        event satisfies never
    }
    if (watchers.has(event.user)) changedOf(event.user, room, place)
  }

  return {
    take(event, partition, offset) {
      const isQuiet = watchers.users === 0 && (event.type !== 'message' || event.mentions === undefined)
      if (isQuiet && event.type !== 'membership') return
      take(event, { partition, offset })
    },
    record() {
      const record = new Set<string>()
      records.add(record)
      return (room) => {
        records.delete(record)
        return record.has(room) || record.size > maxRecorded
      }
    },
    changed,
    get waiting() {
      return rooms.size + own.size
    },
    close: () => stop.abort(),
  }
}

function directUsers(room: string): Iterable<string> {
  if (!room.startsWith('dm:')) return []
  const kind = roomKind(room)
  return kind?.kind === 'direct' ? new Set(kind.users) : []
}

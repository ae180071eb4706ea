import {
  type MessageEvent,
  type PersonalEvent,
  type PrivacyEvent,
  roomKind,
  type SeenEvent,
} from '@rabble/contract'
import type { Database } from '@rabble/database'
import { isPlainTime } from '../messages/row.ts'
import { storable } from '../text/storable.ts'
import {
  allMembers,
  type Conversation,
  keyOf,
  loadConversations,
  type Mention,
  writeConversations,
} from './conversation-rows.ts'
import type { RoomRow } from './rooms.ts'

/** Maximum number of rooms that a user is a member of; others are entered without becoming one. */
export const maxConversations = 10_000

/** An event of a user in a conversation. */
export type ConversationEvent = Exclude<PersonalEvent, PrivacyEvent | SeenEvent>

/** A message or an event of a user, and its sequence. */
export type Placed<Event extends MessageEvent | ConversationEvent> = { event: Event; sequence: number }

/** A message to which a read position may move. */
interface Target {
  id: string
  room: string
  sequence: number
  ordinal: number | null
}

/** Message with its place in the room. */
export type Numbered = Placed<MessageEvent> & { ordinal: number }

/**
 * Applies messages and events of users, in the order of the log, to the conversations that they concern. The messages are stored
 * already; `before` holds their rooms as they were before them.
 */
export async function foldConversations(
  query: Database['query'],
  entries: readonly (Numbered | Placed<ConversationEvent>)[],
  before: ReadonlyMap<string, RoomRow>,
): Promise<void> {
  const rooms = new Map(before)
  const keys = new Set(entries.flatMap(({ event }) => usersOf(event).map((user) => keyOf(user, event.room))))
  const known = await loadConversations(query, keys)
  const conversations = new Map<string, Conversation | undefined>(known)
  const changedKeys = new Set<string>()
  const targets = await loadTargets(query, entries)
  const places = await loadPlaces(query, entries, known)
  const mentions: Mention[] = []

  function set(key: string, conversation: Conversation | undefined): void {
    conversations.set(key, conversation)
    changedKeys.add(key)
  }

  /** Changes a conversation that exists. It is copied at its first change. */
  function change(key: string, own: Conversation, changes: Partial<Conversation>): void {
    if (changedKeys.has(key)) Object.assign(own, changes)
    else set(key, { ...own, ...changes })
  }

  function read(key: string, { id, sequence, ordinal }: Omit<Target, 'room'>): void {
    const own = conversations.get(key)
    if (own === undefined || sequence <= own.read_sequence) return
    const read_ordinal = Math.max(own.read_ordinal, ordinal ?? 0)
    change(key, own, { read_id: id, read_ordinal, read_sequence: sequence })
  }

  function say({ event, sequence, ordinal }: Numbered): void {
    const { from, at, mentions: named = [] } = event
    const room = storable(event.room)
    const id = storable(event.id)
    const before = {
      since: storableTime(at),
      read_id: null,
      read_ordinal: ordinal - 1,
      read_sequence: sequence - 1,
      mention_sequence: 0,
      muted: false,
    }
    for (const user of directUsers(event.room)) {
      const key = keyOf(user, event.room)
      if (conversations.get(key) === undefined) set(key, { user_id: user, room, ...before })
    }
    const users = named.includes(allMembers) ? [allMembers] : new Set(named.map(storable))
    for (const user of users) {
      const key = keyOf(user, event.room)
      const member = conversations.get(key)
      if ((member === undefined && user !== allMembers) || user === storable(from.id)) continue
      mentions.push({ user_id: user, room, sequence, message: id })
      if (member !== undefined) change(key, member, { mention_sequence: sequence })
    }
    read(keyOf(from.id, event.room), { id, sequence, ordinal })
    rooms.set(room, { room, count: ordinal, last_id: id, last_sequence: sequence, last_at: undefined })
  }

  function belong({ event, sequence }: Placed<ConversationEvent> & { event: { type: 'membership' } }): void {
    if (roomKind(event.room)?.kind !== 'room') return
    const key = keyOf(event.user, event.room)
    const isMember = conversations.get(key) !== undefined
    if (isMember === event.member) return
    const user = storable(event.user)
    const free = places.get(user) ?? maxConversations
    if (event.member && free <= 0) return
    places.set(user, event.member ? free - 1 : free + 1)
    if (!event.member) {
      set(key, undefined)
      return
    }
    const room = storable(event.room)
    const { count = 0, last_id = null } = rooms.get(room) ?? {}
    const position = { read_id: last_id, read_ordinal: count, read_sequence: sequence }
    const since = storableTime(event.at)
    set(key, { user_id: user, room, since, ...position, mention_sequence: 0, muted: false })
  }

  for (const entry of entries) {
    const { event } = entry
    const key = event.type === 'message' ? '' : keyOf(event.user, event.room)
    switch (event.type) {
      case 'message':
        say(entry as Numbered)
        break
      case 'membership':
        belong({ event, sequence: entry.sequence })
        break
      case 'read': {
        const target = targets.get(storable(event.upTo))
        // In separate steps, a message that follows in the log would not be there yet.
        const isBefore = target !== undefined && target.sequence < entry.sequence
        if (isBefore && target.room === storable(event.room)) read(key, target)
        break
      }
      case 'mute': {
        const own = conversations.get(key)
        if (own !== undefined && own.muted !== event.muted) change(key, own, { muted: event.muted })
        break
      }
      default:
        event satisfies never
    }
  }
  await writeConversations(query, { known, conversations, changedKeys, mentions })
}

/** Returns the users whose conversations an event may change, as they are stored. */
function usersOf(event: MessageEvent | ConversationEvent): string[] {
  if (event.type !== 'message') return [event.user]
  return [event.from.id, ...(event.mentions ?? []), ...directUsers(event.room)]
}

function directUsers(room: string): readonly string[] {
  if (!room.startsWith('dm:')) return []
  const kind = roomKind(room)
  return kind?.kind === 'direct' ? kind.users : []
}

function storableTime(at: string): string {
  return isPlainTime(at) ? at : '-infinity'
}

async function loadTargets(
  query: Database['query'],
  entries: readonly Placed<MessageEvent | ConversationEvent>[],
): Promise<Map<string, Target>> {
  const ids = entries.flatMap(({ event }) => (event.type === 'read' ? storable(event.upTo) : []))
  if (ids.length === 0) return new Map()
  const rows = await query<Target>(
    'select id, room, sequence, ordinal from history.messages where id = any($1)',
    [[...new Set(ids)]],
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/** Returns the number of rooms of which users can still become members, for those who enter one. */
async function loadPlaces(
  query: Database['query'],
  entries: readonly Placed<MessageEvent | ConversationEvent>[],
  known: ReadonlyMap<string, Conversation>,
): Promise<Map<string, number>> {
  const users = entries.flatMap(({ event }) =>
    event.type === 'membership' && event.member && !known.has(keyOf(event.user, event.room))
      ? storable(event.user)
      : [],
  )
  if (users.length === 0) return new Map()
  const rows = await query<{ user_id: string; count: number }>(
    'select user_id, count(*) from history.conversations where user_id = any($1) group by user_id',
    [[...new Set(users)]],
  )
  return new Map(rows.map(({ user_id, count }) => [user_id, maxConversations - count]))
}

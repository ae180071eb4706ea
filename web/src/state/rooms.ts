import { effect, signal } from '@preact/signals'
import type { Chat, Room, User } from '@rabble/client'
import { countUnread, type Mark, type Unread } from '../conversation/unread.ts'
import { firstRoom, go, hashOf, type Route, route } from './route.ts'
import { changes, chat, connection, me, onEnter, onSignOut } from './session.ts'
import { load, save } from './storage.ts'

/** Maximum number of conversations that the page adds, the newest ones, if they began elsewhere or while it was closed. */
const maxFound = 50

interface Kept {
  /** User to whom the direct messages belong. */
  user?: string
  rooms?: string[]
  names?: [id: string, name: string][]
  marks?: [room: string, mark: Mark][]
  /** Rooms of direct messages that the user left, with their newest message at that time. A newer one brings them back. */
  left?: [room: string, last: string][]
}

/** Maximum number of remembered names, which lists of direct messages need. */
const maxNames = 2_000

/** Room of the main column; undefined in other views, and before the user's id is known. */
export const current = signal<Room | undefined>(undefined)
/** Id → name of users who were seen. */
const names = new Map<string, string>()
const marks = new Map<string, Mark>()
const left = new Map<string, string>()
/** Whether the newest messages of the current room are visible. */
export const atEnd = signal(true)
const visible = signal(!document.hidden)

/** Returns the id of the other user of a room of direct messages; undefined for other rooms. */
export function peerOf(room: string): string | undefined {
  const [prefix, a, b] = room.split(':')
  const own = me.peek()?.id
  if (prefix !== 'dm') return undefined
  return a === own ? b : a
}

/** Returns the title of a room: its name, or that of the other user. */
export function titleOf(room: string): string {
  const peer = peerOf(room)
  return peer === undefined ? room : nameOf(peer)
}

/** Returns the view of a room. */
export function routeTo(room: string): Route {
  const peer = peerOf(room)
  return peer === undefined ? { view: 'room', room } : { view: 'direct', user: peer }
}

export function nameOf(user: string): string {
  return names.get(user) ?? user
}

/** Returns the name of a user who was seen; undefined for others. */
export function knownNameOf(user: string): string | undefined {
  return names.get(user)
}

/**
 * Whether a room is one of direct messages with a user who was never seen here. The server accepts messages to them, since the
 * account may connect later, but the id may also be wrong.
 */
export function isStranger({ name, status, messages, hasOlder }: Room): boolean {
  const peer = peerOf(name)
  if (peer === undefined || peer === me.peek()?.id || names.has(peer)) return false
  if (status !== 'joined' || (messages.length === 0 && hasOlder)) return false
  return !messages.some(({ from }) => from.id === peer)
}

export function remember(users: Iterable<User>): void {
  for (const { id, name } of users) {
    names.delete(id)
    names.set(id, name)
  }
  for (const id of names.keys()) {
    if (names.size <= maxNames) break
    names.delete(id)
  }
}

/** Returns the users whose names contain these letters, sorted by name. */
export function findKnown(letters: string): User[] {
  const own = me.peek()?.id
  const wanted = letters.trim().toLocaleLowerCase()
  return [...names]
    .map(([id, name]) => ({ id, name }))
    .filter(({ id, name }) => id !== own && id !== 'system' && name.toLocaleLowerCase().includes(wanted))
    .sort((a, b) => a.name.localeCompare(b.name))
}

export function unreadOf(room: Room): Unread {
  const mark = marks.get(room.name)
  return mark === undefined ? { count: 0, more: false } : countUnread(room, mark, me.peek()?.id)
}

/** Leaves a room permanently, and shows another one if it was the current one. */
export function leave(room: Room): void {
  marks.delete(room.name)
  if (peerOf(room.name) !== undefined) left.set(room.name, room.messages.at(-1)?.id ?? '')
  void room.leave()
  if (room === current.peek()) {
    const next = chat.peek()?.rooms.find((other) => other !== room)
    go(next === undefined ? { view: 'rooms' } : routeTo(next.name))
  }
  keep()
}

function keep(): void {
  const rooms = chat.peek()?.rooms.map(({ name }) => name) ?? []
  const user = me.peek()?.id
  const peers = rooms.map(peerOf).filter((peer) => peer !== undefined)
  const kept: Kept = {
    rooms,
    names: peers.filter((id) => names.has(id)).map((id) => [id, nameOf(id)]),
    marks: [...marks].filter(([room]) => rooms.includes(room)),
    left: [...left].slice(-maxFound),
    ...(user !== undefined && { user }),
  }
  save('rooms', kept)
}

/** Marks visible messages as read. A room that is joined for the first time has nothing unread. */
function read(): void {
  const own = chat.peek()
  if (own === undefined) return
  let news = false
  for (const room of own.rooms) {
    const seen = room === current.peek() && visible.peek() && atEnd.peek()
    if (room.status !== 'joined' || (!seen && marks.has(room.name))) continue
    const id = room.messages.at(-1)?.id ?? ''
    const mark = marks.get(room.name)
    if (mark?.id === id && mark.read) continue
    marks.set(room.name, { id, read: true })
    news = true
  }
  if (news) keep()
}

function entered(chat: Chat): void {
  marks.clear()
  left.clear()
  const kept = (load('rooms') ?? {}) as Kept
  const own = chat.user?.id
  for (const [id, name] of kept.names ?? []) names.set(id, name)
  for (const [room, mark] of kept.marks ?? []) marks.set(room, mark)
  for (const [room, last] of kept.left ?? []) left.set(room, last)
  for (const room of kept.rooms ?? []) {
    if (!room.startsWith('dm:') || (own !== undefined && own === kept.user)) void chat.room(room).join()
  }
  chat.on('direct', ({ event, room, peer }) => {
    if (event.from.id === peer) remember([event.from])
    if (event.type === 'message' && !marks.has(room)) marks.set(room, { id: event.id, read: false })
    if (!chat.rooms.some(({ name }) => name === room)) {
      void chat.directRoom(peer).join()
      keep()
    }
  })
  chat.on('conversations', ({ conversations }) => {
    const known = own !== undefined && own === kept.user
    for (const { room, last } of conversations.slice(0, maxFound).reverse()) {
      const peer = peerOf(room)
      if (peer === undefined || left.get(room) === last || chat.rooms.some(({ name }) => name === room))
        continue
      // If the page knows the user's rooms, the conversation began meanwhile. Otherwise the reading position is unknown.
      if (known && !marks.has(room)) marks.set(room, { id: last, read: false })
      const found = chat.directRoom(peer)
      void found.join().then(() => {
        remember(found.messages.map(({ from }) => from))
        keep()
      }, ignored)
    }
  })
}

/** Ignores an error, which the room shows. */
function ignored(): void {}

/** Joins the rooms that are shown, and stores the joined rooms for a reload. */
export function startRooms(): void {
  onEnter(entered)
  onSignOut(() => {
    names.clear()
    marks.clear()
  })
  document.addEventListener('visibilitychange', () => {
    visible.value = !document.hidden
  })
  effect(() => {
    const own = chat.value
    const { value } = route
    const known = me.value !== undefined
    let room: Room | undefined
    if (own !== undefined && connection.peek().status !== 'closed') {
      if (value.view === 'room') room = own.room(value.room || firstRoom)
      else if (value.view === 'direct' && known) room = own.directRoom(value.user)
      if (room !== undefined && !own.rooms.includes(room)) void room.join()
    } else {
      // A closed chat's messages can still be read.
      room = own?.rooms.find(({ name }) => hashOf(routeTo(name)) === hashOf(value))
    }
    if (room === current.peek()) return
    current.value = room
    atEnd.value = true
    keep()
  })
  effect(() => {
    changes.value
    current.value
    atEnd.value
    visible.value
    read()
  })
}

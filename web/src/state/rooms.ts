import { effect, signal } from '@preact/signals'
import type { Chat, Room } from '@rabble/client'
import { conversationActions, conversationOf } from './conversations.ts'
import { knownNameOf, nameOf } from './names.ts'
import { firstRoom, go, hashOf, type Route, route } from './route.ts'
import { chat, connection, me, onEnter } from './session.ts'

/** Maximum number of rooms that this tab is in: those that were opened last. */
const maxJoined = 20

/** Room of the main column; undefined in other views, and before the user's id is known. */
export const current = signal<Room | undefined>(undefined)
/** Whether the newest messages of the current room are visible. */
export const atEnd = signal(true)
/** Rooms that this tab is in, the one that was opened last at the end. */
let opened: Room[] = []

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

/**
 * Whether a room is one of direct messages with a user who was never seen here. The server accepts messages to them, since the
 * account may connect later, but the id may also be wrong.
 */
export function isStranger({ name, status, messages, hasOlder }: Room): boolean {
  const peer = peerOf(name)
  if (peer === undefined || peer === me.peek()?.id || knownNameOf(peer) !== undefined) return false
  if (status !== 'joined' || (messages.length === 0 && hasOlder)) return false
  return !messages.some(({ from }) => from.id === peer)
}

/** Ends the membership of a room on all devices. @throws ChatError */
export async function leave(name: string): Promise<void> {
  const isRefused = opened.some((room) => room.name === name && room.status === 'left')
  if (!isRefused || conversationOf(name) !== undefined) await conversationActions()?.leave(name)
  drop(name)
}

/** Leaves a room in this tab, and shows another one if it was the current one. */
function drop(name: string): void {
  const room = opened.find((each) => each.name === name)
  if (room === undefined) return
  opened = opened.filter((each) => each !== room)
  void room.leave({ keep: true })
  if (room !== current.peek()) return
  const next = opened.at(-1)
  go(next === undefined ? { view: 'rooms' } : routeTo(next.name))
}

/** Joins a room unless this tab is in it. Leaves those that were opened longest ago, if they are too many. */
function open(chat: Chat, room: Room): void {
  if (!chat.rooms.includes(room)) void room.join()
  opened = [...opened.filter((each) => each !== room), room]
  for (const old of opened.slice(0, -maxJoined)) {
    opened = opened.filter((each) => each !== old)
    void old.leave({ keep: true })
  }
}

/** Joins the rooms that are shown. */
export function startRooms(): void {
  onEnter((chat) => {
    opened = []
    // Left on another device.
    chat.on('conversation', ({ room, conversation }) => {
      if (conversation === undefined) drop(room)
    })
  })
  effect(() => {
    const own = chat.value
    const { value } = route
    const known = me.value !== undefined
    let room: Room | undefined
    if (own !== undefined && connection.peek().status !== 'closed') {
      if (value.view === 'room') room = own.room(value.room || firstRoom)
      else if (value.view === 'direct' && known) room = own.directRoom(value.user)
      if (room !== undefined) open(own, room)
    } else {
      // A closed chat's messages can still be read.
      room = own?.rooms.find(({ name }) => hashOf(routeTo(name)) === hashOf(value))
    }
    if (room === current.peek()) return
    current.value = room
    atEnd.value = true
  })
}

import { effect, signal } from '@preact/signals'
import type { Room } from '@rabble/client'
import { getRoom, type RoomInfo } from '@rabble/client/rooms'
import { current, peerOf } from './rooms.ts'
import { changes, chat, onSignOut } from './session.ts'

/** Maximum number of rooms that are remembered: those that were described last. */
const maxRooms = 100

/** Rooms as the server described them last. */
const infos = signal<ReadonlyMap<string, RoomInfo>>(new Map())

/** Returns the topic and the settings of a room; undefined before the server has told them. */
export function infoOf(room: string): RoomInfo | undefined {
  return infos.value.get(room)
}

/** Takes what the server tells of a room. */
export function learnRoom(info: RoomInfo): void {
  const next = new Map(infos.peek())
  next.delete(info.name)
  next.set(info.name, info)
  for (const oldest of next.keys()) {
    if (next.size <= maxRooms) break
    next.delete(oldest)
  }
  infos.value = next
}

/**
 * Asks the server about each room that is opened, once it is joined. Not after a lost connection: everybody would ask at the same time.
 * Without an answer there is no topic in the header.
 */
export function startRoomInfo(): void {
  onSignOut(() => {
    infos.value = new Map()
  })
  let opened: string | undefined
  let asked = false
  effect(() => {
    changes.value
    const room = current.value
    if (room?.name !== opened) {
      opened = room?.name
      asked = false
    }
    if (asked || room?.status !== 'joined' || peerOf(room.name) !== undefined) return
    asked = true
    void ask(room)
  })
}

async function ask({ name }: Room): Promise<void> {
  const own = chat.peek()
  const before = infos.peek().get(name)
  if (own === undefined) return
  try {
    const info = await getRoom(own, name)
    // The user has signed out or changed the room meanwhile.
    if (own === chat.peek() && infos.peek().get(name) === before) learnRoom(info)
  } catch {
    // The room may be gone, or the service unavailable.
  }
}

import type { AnyMeta, Chat, JoinOptions, MemberList, Room, RoomState, User } from '@rabble/client'
import { useEffect } from 'react'
import { createLease, type Lease } from './lease.ts'
import { useChat } from './provider.tsx'
import { useStore } from './store.ts'

/** Rooms that mounted components use. The SDK has one handle of a room. */
const leases = new WeakMap<object, Lease<void>>()

function leaseOf<Meta>(chat: Chat<Meta>, room: Room<Meta>, options: JoinOptions): Lease<void> {
  let wasJoined = false
  const lease =
    leases.get(room) ??
    createLease(
      () => {
        wasJoined = chat.rooms.includes(room)
        if (!wasJoined) void room.join(options)
      },
      () => {
        leases.delete(room)
        // The application has joined it before, and may still need it.
        if (!wasJoined) void room.leave({ keep: true })
      },
    )
  leases.set(room, lease)
  return lease
}

/**
 * Returns the handle of a room that is joined while the component is mounted, by whichever hook. Components share one join, and the
 * room is left after the last of them. `recent` counts only for the first.
 */
export function useJoined<Meta>(name: string, { recent = 50 }: JoinOptions = {}): Room<Meta> {
  const chat = useChat<Meta>()
  const room = chat.room(name)
  useEffect(() => leaseOf(chat, room, { recent }).take().release, [chat, room, recent])
  return room
}

export interface RoomView<Meta = AnyMeta> {
  room: Room<Meta>
  /** State of this session in the room. `state.status` is `idle`, `joining`, `joined` or `left`. */
  state: RoomState
  /** Number of users in the room. */
  count: number
  /** Maximum number of users; undefined: no limit. */
  capacity: number | undefined
}

/** Joins a room while the component is mounted. Returns its handle, and the state of this session in it. */
export function useRoom<Meta = AnyMeta>(name: string, options?: JoinOptions): RoomView<Meta> {
  const room = useJoined<Meta>(name, options)
  return {
    room,
    state: useStore(room, ({ state }) => state),
    count: useStore(room, ({ count }) => count),
    capacity: useStore(room, ({ capacity }) => capacity),
  }
}

/** Joins a room while the component is mounted. Returns the users in it, in a list that is kept up to date. */
export function useMembers<Meta = AnyMeta>(name: string): MemberList & { room: Room<Meta> } {
  const room = useJoined<Meta>(name)
  // The SDK keeps the list while the event has a listener.
  useEffect(() => room.on('members', () => {}), [room])
  return { room, ...useStore(room, ({ members }) => members) }
}

/** Joins a room while the component is mounted. Returns the others who are typing; `room.keystroke()` tells them of the user. */
export function useTyping<Meta = AnyMeta>(name: string): { room: Room<Meta>; typing: readonly User[] } {
  const room = useJoined<Meta>(name)
  return { room, typing: useStore(room, ({ typing }) => typing) }
}

import { effect, signal } from '@preact/signals'
import type { Room, User } from '@rabble/client'
import { current, peerOf, remember } from './rooms.ts'

const typingFor = 5_000
/** Interval (ms) at which a list is requested again that presence events can't keep up to date. */
const askEvery = 8_000
/** Number of users beyond which presence events of a room are only samples. */
const largeRoom = 100
/** Maximum number of users in a list. */
const maxListed = 1_000

/** Users in the current room, sorted by name. The list of a large room is incomplete. */
export const people = signal<readonly User[]>([])
/** Other users who are typing in it. */
export const typing = signal<readonly User[]>([])

export function startPeople(): void {
  effect(() => {
    const room = current.value
    people.value = []
    typing.value = []
    return room === undefined ? undefined : follow(room)
  })
}

function follow(room: Room): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timers = new Map<string, ReturnType<typeof setTimeout>>()
  const set = (users: Iterable<User>) => {
    const each = new Map([...users].map((user) => [user.id, user]))
    remember(each.values())
    people.value = [...each.values()].sort((a, b) => a.name.localeCompare(b.name))
  }
  const stopped = (id: string) => {
    clearTimeout(timers.get(id))
    if (timers.delete(id)) typing.value = typing.peek().filter((user) => user.id !== id)
  }
  const askIn = (milliseconds: number) => {
    // The members of direct messages are known.
    if (peerOf(room.name) !== undefined) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      timer = undefined
      room.members().then(
        ({ users }) => {
          if (current.peek() !== room) return
          set(users)
          // Presence events that arrived during the request may be missing from the list.
          if (users.length !== Math.min(room.count, maxListed)) askIn(askEvery)
        },
        // Without a connection, the list is requested when the room is joined again.
        () => {
          if (current.peek() === room && room.state.is === 'in') askIn(askEvery)
        },
      )
    }, milliseconds)
  }
  const offs = [
    room.on('joined', () => askIn(0)),
    room.on('presence', ({ joined, left, count }) => {
      const gone = new Set(left.map(({ id }) => id))
      for (const id of gone) stopped(id)
      set([...people.peek().filter(({ id }) => !gone.has(id)), ...joined])
      if (timer === undefined && (count > largeRoom || people.peek().length !== count)) askIn(askEvery)
    }),
    room.on('typing', ({ user }) => {
      stopped(user.id)
      timers.set(
        user.id,
        setTimeout(() => stopped(user.id), typingFor),
      )
      typing.value = [...typing.peek(), user]
    }),
    room.on('message', ({ message }) => {
      remember([message.from])
      stopped(message.from.id)
    }),
  ]
  if (room.state.is === 'in') askIn(0)
  return () => {
    clearTimeout(timer)
    for (const each of timers.values()) clearTimeout(each)
    for (const off of offs) off()
  }
}

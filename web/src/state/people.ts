import { effect, signal } from '@preact/signals'
import type { Room, User } from '@rabble/client'
import { current, peerOf, remember } from './rooms.ts'

const typingFor = 5_000
/** How often a list is asked for again that news can't keep true. */
const askEvery = 8_000
/** In rooms of more users the news are samples. */
const largeRoom = 100
/** More users no list has. */
const maxListed = 1_000

/** Who is in the current room, by name; in a large one not everybody. */
export const people = signal<readonly User[]>([])
/** Who else is typing in it. */
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
    // Who is in direct messages, everybody knows.
    if (peerOf(room.name) !== undefined) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      timer = undefined
      room.members().then(
        ({ users }) => {
          if (current.peek() !== room) return
          set(users)
          // News that came while it was on its way may not be in it.
          if (users.length !== Math.min(room.count, maxListed)) askIn(askEvery)
        },
        // Without a connection it is asked when the room is entered again.
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

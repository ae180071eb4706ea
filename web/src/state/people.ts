import { effect, signal } from '@preact/signals'
import type { Member, User } from '@rabble/client'
import { remember } from './names.ts'
import { current } from './rooms.ts'

/** Users in the current room, sorted by name. The list of a large room is incomplete. */
export const people = signal<readonly Member[]>([])
/** Other users who are typing in it. */
export const typing = signal<readonly User[]>([])

export function startPeople(): void {
  effect(() => {
    const room = current.value
    people.value = room?.members.users ?? []
    typing.value = room?.typing ?? []
    if (room === undefined) return undefined
    const offs = [
      room.on('members', ({ members }) => {
        remember(members.users)
        people.value = members.users
      }),
      room.on('typing', ({ users }) => {
        typing.value = users
      }),
      room.on('message', ({ message }) => remember([message.from])),
    ]
    return () => {
      for (const off of offs) off()
    }
  })
}

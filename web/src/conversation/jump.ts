import { signal } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import { routeTo } from '../state/rooms.ts'
import { go } from '../state/route.ts'
import { onGoOut } from '../state/session.ts'

/** Messages that are loaded, at most, to get to one; what is farther back is shown with what stands around it alone. */
const farthest = 500
const page = 500

/** What the list is to show; it takes it away once it does. */
export const target = signal<{ room: string; id: string } | undefined>(undefined)
/** What comes of a jump, for people, and the room to which it went: it is said there alone. */
export const jumping = signal<{ room: string; text: string } | undefined>(undefined)
onGoOut(() => {
  target.value = undefined
  jumping.value = undefined
})

/** Shows a message in its place, in whatever room it is. */
export function jumpTo(room: string, id: string): void {
  target.value = { room, id }
  go(routeTo(room))
}

/** Loads older messages until this one is there. Whether it is. */
export async function loadUntil(room: Room, id: string, wanted: () => boolean): Promise<boolean> {
  const found = () => room.messages.some((message: Message) => message.id === id)
  if (room.state.is === 'joining') await room.join()
  for (let loaded = 0; wanted() && !found(); ) {
    if (!room.hasOlder || loaded >= farthest) return false
    loaded += await room.loadOlder(page)
  }
  return wanted()
}

/** Counts up when the list is to go to its end, and stay there. */
export const toEnd = signal(0)

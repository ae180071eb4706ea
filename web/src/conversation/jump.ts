import { signal } from '@preact/signals'
import type { Message, Room } from '@rabble/client'
import { routeTo } from '../state/rooms.ts'
import { go } from '../state/route.ts'
import { onSignOut } from '../state/session.ts'

/** Maximum number of messages that are loaded to reach one. An older message is shown only with those around it. */
const farthest = 500
const page = 500

/** Message that the list must show. The list clears it afterwards. */
export const target = signal<{ room: string; id: string } | undefined>(undefined)
/** State of a jump, for people. Only the room of the jump shows it. */
export const jumping = signal<{ room: string; text: string } | undefined>(undefined)
onSignOut(() => {
  target.value = undefined
  jumping.value = undefined
})

/** Shows a message in its place in its room. */
export function jumpTo(room: string, id: string): void {
  target.value = { room, id }
  go(routeTo(room))
}

/** Loads older messages until this one is loaded. Resolves with whether it is. */
export async function loadUntil(room: Room, id: string, wanted: () => boolean): Promise<boolean> {
  const found = () => room.messages.some((message: Message) => message.id === id)
  if (room.status === 'joining') await room.join()
  for (let loaded = 0; wanted() && !found(); ) {
    if (!room.hasOlder || loaded >= farthest) return false
    loaded += await room.loadOlder(page)
  }
  return wanted()
}

/** Counter whose increase makes the list go to its end and stay there. */
export const toEnd = signal(0)

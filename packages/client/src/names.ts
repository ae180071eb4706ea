import type { ChatEvent, ServerFrame } from '@rabble/contract'

/** Room of all users. */
export const everybody = '*'

/** Whether the room's name was chosen by users. All other rooms are entered without a join. */
export function isMadeUp(room: string): boolean {
  return room !== everybody && !room.includes(':')
}

/** Returns the name of the direct-message room of two users: `dm:<a>:<b>`, ids sorted. A test compares it with the contract's. */
export function directRoom(a: string, b: string): string {
  return `dm:${[a, b].sort().join(':')}`
}

/** Returns the id of the other user of a direct-message room; undefined if the room is not one of this user's. */
export function peerIn(room: string, me: string): string | undefined {
  const [prefix, a, b] = room.split(':')
  if (prefix !== 'dm') return undefined
  return a === me ? b : b === me ? a : undefined
}

export function isEvent(frame: ServerFrame): frame is ChatEvent {
  return ['message', 'edit', 'delete', 'reaction'].includes(frame.type)
}

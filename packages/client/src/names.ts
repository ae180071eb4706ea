import type { ChatEvent, ServerFrame } from '@rabble/contract'

/** In this room is everybody. */
export const everybody = '*'

/** Whether it is a room that people make up: the others are entered without joining. */
export function isMadeUp(room: string): boolean {
  return room !== everybody && !room.includes(':')
}

/** The room of the direct messages between two users: `dm:<a>:<b>`, ids sorted. A test compares it with the contract's. */
export function directRoom(a: string, b: string): string {
  return `dm:${[a, b].sort().join(':')}`
}

/** The other one in a room of direct messages; undefined if it is none of this user's. */
export function peerIn(room: string, me: string): string | undefined {
  const [prefix, a, b] = room.split(':')
  if (prefix !== 'dm') return undefined
  return a === me ? b : b === me ? a : undefined
}

export function isEvent(frame: ServerFrame): frame is ChatEvent {
  return frame.type === 'message' || frame.type === 'edit' || frame.type === 'delete'
}

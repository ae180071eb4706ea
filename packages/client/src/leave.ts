import type { Connection } from './connection.ts'

/** Leaves a room. The reply has no information, and a lost connection has left the room anyway. */
export function leave(connection: Connection, room: string): void {
  connection.request({ type: 'leave', room }).catch(() => {})
}

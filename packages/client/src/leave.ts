import type { Connection } from './connection.ts'
import type { LeaveOptions } from './types.ts'

/** Leaves a room; with `keep` the user stays a member. The reply has no information, and a lost connection has left the room anyway. */
export function leave(connection: Connection, room: string, options?: LeaveOptions): void {
  connection.request({ ...options, type: 'leave', room }).catch(() => {})
}

import { ChatError } from './errors.ts'
import type { LiveRoom } from './room-host.ts'
import type { Room } from './types.ts'

/**
 * Sends data of the application to all sessions in the room, also to those of this user: 1 KiB of JSON at most, and 10 a second. They
 * get it as the event `signal`, soon or not at all: it is not stored, and is lost without a connection. `name` has up to 32 letters,
 * digits, dots, hyphens and underscores, and begins with a letter. The room must be joined, or be one of direct messages. A refusal of
 * the server is not told.
 * @throws ChatError `disconnected`
 */
export function sendSignal(room: Pick<Room, 'name'>, name: string, data?: unknown): void {
  const { host } = room as unknown as LiveRoom
  if (host.connection.state.status !== 'open') throw new ChatError('disconnected')
  host.connection.tell({ type: 'signal', room: room.name, name, data })
}

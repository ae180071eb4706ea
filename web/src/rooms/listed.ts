import type { Room } from '@rabble/client'
import type { ConversationState } from '@rabble/client/conversations'

/** Entry of the sidebar. */
export interface Listed {
  room: string
  muted: boolean
  /** Whether this tab is not in the room, though the user opened it: the server refused. */
  out: boolean
}

/**
 * Returns the rooms, sorted by name, and the direct conversations, the one with the newest message first: those of the server, and
 * those that are open in this tab without being conversations yet.
 */
export function listedOf(
  conversations: readonly Pick<ConversationState, 'room' | 'muted'>[],
  joined: readonly Pick<Room, 'name' | 'status'>[],
): { rooms: Listed[]; direct: Listed[] } {
  const states = new Map(joined.map(({ name, status }) => [name, status]))
  const known = new Set(conversations.map(({ room }) => room))
  const all = [
    ...joined.filter(({ name }) => !known.has(name)).map(({ name }) => ({ room: name, muted: false })),
    ...conversations,
  ].map(({ room, muted }) => ({ room, muted, out: states.get(room) === 'left' }))
  const isDirect = ({ room }: Listed) => room.startsWith('dm:')
  return {
    rooms: all.filter((one) => !isDirect(one)).sort((a, b) => a.room.localeCompare(b.room)),
    direct: all.filter(isDirect),
  }
}

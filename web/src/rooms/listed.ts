import type { Room } from '@rabble/client'
import type { ConversationState } from '@rabble/client/conversations'
import { compareNames } from '../ui/intl.ts'

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
    rooms: all.filter((one) => !isDirect(one)).sort((a, b) => compareNames(a.room, b.room)),
    direct: all.filter(isDirect),
  }
}

/**
 * Returns the next item in one direction that is wanted, around the ends of the list; undefined without one. `at` is the index of
 * the present item, which is never the next one; -1: it is none of them.
 */
export function nextOf<Item>(
  items: readonly Item[],
  at: number,
  by: 1 | -1,
  isWanted: (item: Item) => boolean,
): Item | undefined {
  const { length } = items
  const start = at === -1 && by === -1 ? length : at
  for (let n = 1; n <= length; n++) {
    const index = (start + by * n + length) % length
    const item = items[index]
    if (index !== at && item !== undefined && isWanted(item)) return item
  }
  return undefined
}

import type { ConversationsSnapshot } from '@rabble/client/conversations'
import type { ConversationState, MessageEvent } from '@rabble/contract'

/** Knowledge of the clients: the messages that came, and the actions that were acknowledged. The servers are asked for nothing else. */
export interface Told {
  /** Messages of each room as they came, in the order in which they came. */
  messages(room: string): readonly MessageEvent[]
  /** Ids up to which a user has read, in any order. */
  reads: { user: string; room: string; upTo: string }[]
  /** Ids of deleted messages. */
  deleted: Set<string>
  /** Rooms that a user has muted, as `user room`. */
  muted: Set<string>
}

type Expected = Pick<ConversationState, 'room' | 'unread' | 'mentions' | 'muted' | 'count'> & {
  peer?: string | undefined
  readUpTo?: string | undefined
  last: string
}

/**
 * Returns the conversations that a user has after all of this, the one with the newest message first. The user was a member of these
 * rooms before their first messages.
 */
export function expectedOf(told: Told, user: string, rooms: readonly string[]): Expected[] {
  const list = rooms.flatMap((room) => {
    const messages = told.messages(room)
    const last = messages.at(-1)
    if (last === undefined) return []
    const reads = told.reads.filter((one) => one.user === user && one.room === room)
    const read = new Set(reads.map(({ upTo }) => upTo))
    const readAt = messages.findLastIndex(({ id, from }) => from.id === user || read.has(id))
    const unread = messages.slice(readAt + 1)
    const isNamed = ({ id, mentions = [] }: MessageEvent) =>
      !told.deleted.has(id) && (mentions.includes(user) || mentions.includes('@room'))
    const peer = room.startsWith('dm:') ? room.split(':').find((id) => id !== 'dm' && id !== user) : undefined
    const state: Expected = {
      room,
      peer,
      unread: unread.length,
      mentions: unread.filter(isNamed).length,
      readUpTo: messages[readAt]?.id,
      muted: told.muted.has(`${user} ${room}`),
      count: messages.length,
      last: last.id,
    }
    return [{ key: `${last.at} ${room}`, state }]
  })
  return list.sort((one, other) => (one.key < other.key ? 1 : -1)).map(({ state }) => state)
}

/** Returns what a list of the SDK shows, as `expectedOf` has it. A last message that the list leaves out is the expected one. */
export function shownBy({ conversations }: ConversationsSnapshot, expected: readonly Expected[]): Expected[] {
  return conversations.map(({ room, peer, unread, mentions, readUpTo, muted, count, lastMessage }) => {
    const last = lastMessage?.id ?? expected.find((one) => one.room === room)?.last ?? ''
    return { room, peer, unread, mentions, readUpTo, muted, count, last }
  })
}

/** Returns the sums that a list shows above its conversations. */
export function totalsOf(list: readonly Expected[]): { unread: number; mentions: number } {
  let [unread, mentions] = [0, 0]
  for (const one of list) {
    if (!one.muted) unread += one.unread
    mentions += one.mentions
  }
  return { unread, mentions }
}

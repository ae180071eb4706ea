import type { ConversationState, ServerFrame } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { sleep, systemClock } from './clock.ts'
import type { Connection } from './connection.ts'
import { same } from './same.ts'
import type { Chat } from './types.ts'

export type { ConversationState } from '@rabble/contract'

/** Number of conversations of a page. */
const pageSize = 50
/** Maximum number in the first page of a connection. */
const maxFirst = 200

/** State of the list. Every part keeps its identity until it changes. */
export interface ConversationsSnapshot {
  /** `loading` before the first answer of the server. During an absence the last known list stays. */
  readonly status: 'loading' | 'ready'
  /** Conversations that are loaded, the one with the newest message first. */
  readonly conversations: readonly ConversationState[]
  /** Unread messages of those that are not muted. */
  readonly unread: number
  /** Mentions of all of them. */
  readonly mentions: number
  /** Whether the server has more: `loadMore()`. */
  readonly hasMore: boolean
}

/** A user's conversations, kept up to date over reconnects. The same on all devices of the user. */
export interface Conversations {
  readonly getSnapshot: () => ConversationsSnapshot
  /** Calls `listener` after each change, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void
  /**
   * Marks a conversation as read up to a message; default: the newest one that is known. Resolves once the log has it. Calls during
   * a request are collected, and the furthest message of them counts. @throws ChatError
   */
  markRead(room: string, upTo?: string): Promise<void>
  /** Mutes a conversation on all devices, or ends that. Resolves once the log has it. @throws ChatError */
  mute(room: string, muted: boolean): Promise<void>
  /** Ends the membership of a room, on all devices. @throws ChatError */
  leave(room: string): Promise<void>
  /** Loads the next page. @throws ChatError */
  loadMore(): Promise<void>
  /** Stops following. */
  close(): void
}

type Change = Extract<ServerFrame, { type: 'conversation' | 'activity' }>

/** Creates the list of a chat's conversations. It asks the server for them after each connection. */
export function createConversations<Meta>(chat: Chat<Meta>): Conversations {
  const { connection } = chat as unknown as { connection: Pick<Connection, 'request'> }
  /** In the order of the list. */
  let states = new Map<string, ConversationState>()
  /** Versions of conversations that have ended. */
  const ended = new Map<string, number>()
  /** Newest message of each room, also of one whose content is not known here. */
  const newest = new Map<string, string>()
  const listeners = new Set<() => void>()
  const reading = new Map<string, { next: string | undefined; done: Promise<void> }>()
  let status: ConversationsSnapshot['status'] = 'loading'
  let next: string | undefined
  let turn = 0
  let list: readonly ConversationState[] = []
  let snapshot: ConversationsSnapshot | undefined

  function notify(): void {
    for (const listener of [...listeners]) listener()
  }

  /** Takes a state unless a newer one is known. Returns whether it was taken. */
  function take(state: ConversationState): boolean {
    const { room, version } = state
    if ((states.get(room)?.version ?? -1) > version || (ended.get(room) ?? -1) > version) return false
    ended.delete(room)
    if (state.lastMessage !== undefined) newest.set(room, state.lastMessage.id)
    states.set(room, state)
    return true
  }

  function toFront(state: ConversationState): void {
    states.delete(state.room)
    states = new Map([[state.room, state], ...states])
  }

  function change(frame: Change): void {
    const { room, version } = frame
    const known = states.get(room)
    if (frame.type === 'activity') {
      // Of a later page, or the answer with it is on its way.
      if (known === undefined) return void refresh()
      if (version <= known.version) return
      const { count, last } = frame
      const { lastMessage: _, ...rest } = known
      const message = chat.rooms.find(({ name }) => name === room)?.messages.find(({ id }) => id === last)
      newest.set(room, last)
      const unread = known.unread + count - known.count
      toFront({
        ...rest,
        ...(message && { lastMessage: message }),
        unread,
        count,
        version,
      } as ConversationState)
    } else if (frame.conversation === undefined) {
      if (known === undefined || known.version <= version) {
        states.delete(room)
        ended.set(room, version)
      }
    } else if (take(frame.conversation) && known?.count !== frame.conversation.count)
      toFront(frame.conversation)
    notify()
  }

  /** Asks for as many conversations as are known, and for all changes from then on. */
  async function refresh(): Promise<void> {
    const own = ++turn
    for (let attempt = 0; own === turn; attempt++) {
      try {
        const wanted = Math.max(pageSize, states.size)
        const first = await connection.request({ type: 'watch', limit: Math.min(wanted, maxFirst) })
        const fresh = [...first.conversations]
        let cursor = first.next
        while (cursor !== undefined && fresh.length < wanted) {
          const page = await pageAfter(cursor)
          fresh.push(...page.conversations)
          cursor = page.next
        }
        if (own !== turn) return
        const before = states
        states = new Map()
        // Changes that came during the requests are newer than the answers.
        for (const state of fresh) {
          const known = before.get(state.room)
          take(known !== undefined && known.version > state.version ? known : state)
        }
        next = cursor
        status = 'ready'
        notify()
        return
      } catch {
        if (own !== turn || chat.state.status !== 'open') return
        await sleep(systemClock, 1_000 + backoff(attempt))
      }
    }
  }

  function pageAfter(after: string): Promise<{ conversations: ConversationState[]; next?: string }> {
    return chat.request(['api', 'conversations'], { query: { after, limit: maxFirst } })
  }

  /** Returns the index of a message among the newest ones of its room; -1 for one that is older or not known here. */
  function placeOf(room: string, message: string): number {
    if (message === newest.get(room)) return Number.POSITIVE_INFINITY
    const messages = chat.rooms.find(({ name }) => name === room)?.messages ?? []
    return messages.findIndex(({ id }) => id === message)
  }

  /** Sends read positions of a room, one at a time. */
  async function read(room: string, first: string): Promise<void> {
    const entry = reading.get(room)
    for (let upTo: string | undefined = first; upTo !== undefined; ) {
      await connection.request({ type: 'read', room, upTo })
      upTo = entry?.next
      if (entry !== undefined) entry.next = undefined
    }
  }

  const ends = [
    chat.on('conversation', change),
    chat.on('activity', change),
    chat.on('state', ({ state }) => {
      if (state.status === 'open') void refresh()
    }),
  ]
  if (chat.state.status === 'open') void refresh()

  return {
    getSnapshot() {
      list = same(list as ConversationState[], [...states.values()])
      let unread = 0
      let mentions = 0
      for (const one of list) {
        if (!one.muted) unread += one.unread
        mentions += one.mentions
      }
      snapshot = same(snapshot, {
        status,
        conversations: list,
        unread,
        mentions,
        hasMore: next !== undefined,
      })
      return snapshot
    },
    subscribe(listener) {
      const entry = () => listener()
      listeners.add(entry)
      return () => listeners.delete(entry)
    },
    async markRead(room, upTo = newest.get(room)) {
      if (upTo === undefined || states.get(room)?.readUpTo === upTo) return
      const entry = reading.get(room)
      if (entry !== undefined) {
        const isBehind = entry.next !== undefined && placeOf(room, upTo) < placeOf(room, entry.next)
        if (!isBehind) entry.next = upTo
        return entry.done
      }
      const mine: { next: string | undefined; done: Promise<void> } = {
        next: undefined,
        done: Promise.resolve(),
      }
      reading.set(room, mine)
      mine.done = read(room, upTo).finally(() => reading.delete(room))
      return mine.done
    },
    async mute(room, muted) {
      await connection.request({ type: 'mute', room, muted })
    },
    async leave(room) {
      await connection.request({ type: 'leave', room })
    },
    async loadMore() {
      if (next === undefined) return
      const own = turn
      const page = await pageAfter(next)
      // The list was asked for anew meanwhile.
      if (own !== turn) return
      for (const state of page.conversations) take(state)
      next = page.next
      notify()
    },
    close() {
      turn++
      for (const end of ends) end()
      listeners.clear()
    },
  }
}

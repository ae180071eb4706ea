import type { AnyMeta, Chat } from '@rabble/client'
import {
  type Conversations,
  type ConversationsSnapshot,
  createConversations,
} from '@rabble/client/conversations'
import { useEffect } from 'react'
import { createLease, type Lease } from './lease.ts'
import { useChat } from './provider.tsx'
import { createStore, type Store, useStore } from './store.ts'

/** Actions on conversations, as `createConversations` of the SDK has them. */
export type ConversationActions = Pick<Conversations, 'markRead' | 'mute' | 'leave' | 'loadMore'>

interface Shared {
  store: Store<ConversationsSnapshot>
  /** Keeps the list up to date. */
  lease: Lease<Conversations>
  actions: ConversationActions
}

const nothing: ConversationsSnapshot = {
  status: 'loading',
  conversations: [],
  unread: 0,
  mentions: 0,
  hasMore: false,
}

/** Lists of conversations by chat. */
const lists = new WeakMap<object, Shared>()

/**
 * Returns the user's rooms and direct conversations with what is unread, the one with the newest message first, and what can be done
 * with them. Components share one list, which is kept up to date while one of them is mounted.
 */
export function useConversations<Meta = AnyMeta>(): ConversationsSnapshot & ConversationActions {
  const shared = useShared<Meta>()
  return { ...useStore(shared.store, (list) => list), ...shared.actions }
}

/** Returns the number of unread messages: of one room or, without a room, of all conversations that are not muted. */
export function useUnread<Meta = AnyMeta>(room?: string): number {
  const { store } = useShared<Meta>()
  return useStore(store, ({ unread, conversations }) =>
    room === undefined ? unread : (conversations.find((one) => one.room === room)?.unread ?? 0),
  )
}

function useShared<Meta>(): Shared {
  const chat = useChat<Meta>()
  const shared = lists.get(chat) ?? share(chat)
  const { lease } = shared
  useEffect(() => lease.take().release, [lease])
  return shared
}

function share<Meta>(chat: Chat<Meta>): Shared {
  const store = createStore(nothing)
  const begin = () => {
    const list = createConversations(chat)
    list.subscribe(() => store.set(list.getSnapshot()))
    return list
  }
  const lease = createLease(begin, (list) => list.close())
  const act = async (action: (list: Conversations) => Promise<void>) => {
    const { thing, release } = lease.take()
    await action(thing).finally(release)
  }
  const shared: Shared = {
    store,
    lease,
    actions: {
      markRead: (room, upTo) => act((list) => list.markRead(room, upTo)),
      mute: (room, muted) => act((list) => list.mute(room, muted)),
      leave: (room) => act((list) => list.leave(room)),
      loadMore: () => act((list) => list.loadMore()),
    },
  }
  lists.set(chat, shared)
  return shared
}

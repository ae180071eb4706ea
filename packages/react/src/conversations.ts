import type { AnyMeta, Chat, ChatEvents } from '@rabble/client'
import { useEffect } from 'react'
import { createLease, type Lease } from './lease.ts'
import { useChat } from './provider.tsx'
import { createStore, type Store, useStore } from './store.ts'

/** Room of direct messages. */
export interface DirectConversation {
  /** Name of the room, for the other hooks. */
  room: string
  /** Id of its newest message. */
  last: string
  /** Id of the other user. */
  peer: string
}

/** Maximum number of conversations, as in the server's list. */
const most = 200

type List = readonly DirectConversation[] | undefined

interface Shared {
  store: Store<List>
  /** Keeps the list up to date. */
  lease: Lease<() => void>
}

/** Lists of conversations by chat. */
const lists = new WeakMap<object, Shared>()

/**
 * Returns the user's rooms of direct messages, the one with the newest message first, 200 at most; undefined before the server has
 * listed them.
 */
export function useConversations<Meta = AnyMeta>(): List {
  const chat = useChat<Meta>()
  const { store, lease } = lists.get(chat) ?? share(chat)
  useEffect(() => lease.take().release, [lease])
  return useStore(store, (list) => list)
}

function share<Meta>(chat: Chat<Meta>): Shared {
  const store = createStore<List>(undefined)
  const listed = ({ conversations }: ChatEvents['conversations']) =>
    store.set(conversations.map((one) => ({ ...one, peer: peerIn(one.room, chat.user?.id) })))
  const said = ({ event, room, peer, replayed }: ChatEvents<Meta>['direct']) => {
    const list = store.getSnapshot()
    // After an absence the server lists them anew.
    if (event.type !== 'message' || replayed || list === undefined) return
    const others = list.filter((other) => other.room !== room)
    store.set([{ room, last: event.id, peer }, ...others].slice(0, most))
  }
  const follow = () => {
    const ends = [chat.on('conversations', listed), chat.on('direct', said)]
    return () => {
      for (const end of ends) end()
    }
  }
  const shared = { store, lease: createLease(follow, (end) => end()) }
  lists.set(chat, shared)
  return shared
}

/** Returns the id of the other user in the name of a room, `dm:<a>:<b>`. */
function peerIn(room: string, user: string | undefined): string {
  const [, a = '', b = ''] = room.split(':')
  return a === user ? b : a
}

import type { AnyMeta, Chat, ChatEvents } from '@rabble/client'
import { useChat } from './provider.tsx'
import { type Store, useStore } from './store.ts'

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

/** Lists of conversations by chat. */
const stores = new WeakMap<object, Store<List>>()

/**
 * Returns the user's rooms of direct messages, the one with the newest message first, 200 at most; undefined before the server has
 * listed them.
 */
export function useConversations<Meta = AnyMeta>(): List {
  const chat = useChat<Meta>()
  const store = stores.get(chat) ?? createStore(chat)
  stores.set(chat, store)
  return useStore(store, (list) => list)
}

/** Creates the list of a chat. It follows the chat's events while it has subscribers. */
function createStore<Meta>(chat: Chat<Meta>): Store<List> {
  let list: List
  const listeners = new Set<() => void>()
  let end = () => {}
  const set = (next: List) => {
    list = next
    for (const listener of [...listeners]) listener()
  }
  const listed = ({ conversations }: ChatEvents['conversations']) =>
    set(conversations.map((one) => ({ ...one, peer: peerIn(one.room, chat.user?.id) })))
  const said = ({ event, room, peer, replayed }: ChatEvents<Meta>['direct']) => {
    // After an absence the server lists them anew.
    if (event.type !== 'message' || replayed || list === undefined) return
    const others = list.filter((other) => other.room !== room)
    set([{ room, last: event.id, peer }, ...others].slice(0, most))
  }
  const subscribe = (listener: () => void) => {
    // Another function for each subscription, even if two have the same listener.
    const own = () => listener()
    if (listeners.size === 0) {
      const ends = [chat.on('conversations', listed), chat.on('direct', said)]
      end = () => {
        for (const end of ends) end()
      }
    }
    listeners.add(own)
    return () => {
      if (listeners.delete(own) && listeners.size === 0) end()
    }
  }
  return { subscribe, getSnapshot: () => list }
}

/** Returns the id of the other user in the name of a room, `dm:<a>:<b>`. */
function peerIn(room: string, user: string | undefined): string {
  const [, a = '', b = ''] = room.split(':')
  return a === user ? b : a
}

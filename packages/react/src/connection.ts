import type { AnyMeta, Chat, ChatState, Limits, User } from '@rabble/client'
import { useChat } from './provider.tsx'
import { useStore } from './store.ts'

export interface Connection<Meta = AnyMeta> {
  chat: Chat<Meta>
  /** State of the connection. `state.status` is `connecting`, `open`, `waiting` or `closed`. */
  state: ChatState
  /** User as the server knows it; undefined before the first connection. */
  user: User | undefined
  limits: Limits | undefined
}

/** Returns the chat of the nearest provider, and the state of its connection. */
export function useConnection<Meta = AnyMeta>(): Connection<Meta> {
  const chat = useChat<Meta>()
  return {
    chat,
    state: useStore(chat, ({ state }) => state),
    user: useStore(chat, ({ user }) => user),
    limits: useStore(chat, ({ limits }) => limits),
  }
}

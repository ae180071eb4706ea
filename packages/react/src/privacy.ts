import type { AnyMeta, Chat, ChatError } from '@rabble/client'
import { getPrivacy, type Privacy, setPrivacy } from '@rabble/client/privacy'
import { useEffect } from 'react'
import { createLease, type Lease } from './lease.ts'
import { useChat } from './provider.tsx'
import { createStore, type Store, useStore } from './store.ts'

export interface PrivacyView {
  /** Choices of the user, on all devices: what others may see. Undefined before the server has answered. */
  privacy: Privacy | undefined
  /** Changes some of it. Never rejects: see `error`. */
  change: (choices: Partial<Privacy>) => Promise<void>
  /** Reason why the last request failed. After a lost connection the choices are asked for again. */
  error: ChatError | undefined
}

interface Shared {
  store: Store<Pick<PrivacyView, 'privacy' | 'error'>>
  lease: Lease<() => void>
  change: PrivacyView['change']
}

/** Choices by chat. */
const shown = new WeakMap<object, Shared>()

/** Returns what others may see of the user, and a function that changes it. */
export function usePrivacy<Meta = AnyMeta>(): PrivacyView {
  const chat = useChat<Meta>()
  const { store, lease, change } = shown.get(chat) ?? share(chat)
  useEffect(() => lease.take().release, [lease])
  return { ...useStore(store, (state) => state), change }
}

function share<Meta>(chat: Chat<Meta>): Shared {
  const store = createStore<Pick<PrivacyView, 'privacy' | 'error'>>({ privacy: undefined, error: undefined })
  const take = ({ receipts, presence }: Privacy) =>
    store.set({ privacy: { receipts, presence }, error: undefined })
  const fail = (error: ChatError) => store.set({ ...store.getSnapshot(), error })
  const begin = () => {
    const ask = () => void getPrivacy(chat).then(take, fail)
    const ends = [
      chat.on('privacy', take),
      chat.on('state', ({ state }) => {
        if (state.status === 'open') ask()
      }),
    ]
    if (chat.state.status === 'open') ask()
    return () => {
      for (const end of ends) end()
    }
  }
  const shared: Shared = {
    store,
    lease: createLease(begin, (end) => end()),
    change: (choices) => setPrivacy(chat, choices).then(take, fail),
  }
  shown.set(chat, shared)
  return shared
}

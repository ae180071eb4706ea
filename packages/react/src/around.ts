import type { AnyMeta, ChatError, Message, Room } from '@rabble/client'
import { PastMessages } from '@rabble/client/search'
import { useEffect, useMemo } from 'react'
import { useJoined } from './room.ts'
import { createStore, useStore } from './store.ts'

/** Part of a room's history, which grows at both ends. */
export interface MessagesAround<Meta = AnyMeta> {
  /** The room, whose changes apply to the messages here, too. */
  room: Room<Meta>
  /** Messages in order; 1000 at most, from then on each page lets go of those at the other end. */
  messages: readonly Message<Meta>[]
  /** Whether history has the message; undefined before it has answered. */
  found: boolean | undefined
  hasOlder: boolean
  hasNewer: boolean
  /** Loads a page of older messages. Never rejects: see `error`. */
  loadOlder: () => Promise<void>
  /** Loads a page of newer messages, up to the newest. Never rejects: see `error`. */
  loadNewer: () => Promise<void>
  isLoading: boolean
  /** Reason why loading failed the last time. */
  error: ChatError | undefined
}

/** Joins a room while the component is mounted. Returns the messages around the one with this id, such as one that a search found. */
export function useMessagesAround<Meta = AnyMeta>(name: string, id: string): MessagesAround<Meta> {
  const room = useJoined<Meta>(name)
  const range = useMemo(() => createRange(room, id), [room, id])
  useEffect(() => range.follow(), [range])
  const state = useStore(range.store, (state) => state)
  return { room, ...state, loadOlder: range.loadOlder, loadNewer: range.loadNewer }
}

function createRange<Meta>(room: Room<Meta>, id: string) {
  const past = new PastMessages(room as Room)
  let isOpened = false
  const store = createStore({
    messages: [] as readonly Message<Meta>[],
    found: undefined as boolean | undefined,
    hasOlder: false,
    hasNewer: false,
    isLoading: true,
    error: undefined as ChatError | undefined,
  })
  const set = (news: Partial<ReturnType<typeof store.getSnapshot>>) => {
    const messages = past.messages as readonly Message<Meta>[]
    const { hasOlder, hasNewer } = past
    store.set({ ...store.getSnapshot(), messages, hasOlder, hasNewer, ...news })
  }
  const load = async (work: () => Promise<unknown>) => {
    set({ isLoading: true, error: undefined })
    try {
      await work()
      set({ isLoading: false })
    } catch (error) {
      set({ isLoading: false, error: error as ChatError })
    }
  }
  return {
    store,
    loadOlder: () => load(() => past.loadOlder()),
    loadNewer: () => load(() => past.loadNewer()),
    /** Opens the range the first time, and applies changes of its messages until the returned function is called. */
    follow() {
      if (!isOpened) void load(async () => set({ found: await past.open(id) }))
      isOpened = true
      const ends = [
        room.on('edit', ({ change }) => past.change(change) && set({})),
        room.on('delete', ({ change }) => past.change(change) && set({})),
        room.on('reaction', ({ change }) => past.change(change) && set({})),
      ]
      return () => {
        for (const end of ends) end()
      }
    },
  }
}

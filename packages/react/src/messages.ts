import type { AnyMeta, ChatError, JoinOptions, Room } from '@rabble/client'
import { useCallback, useMemo, useState } from 'react'
import { type Line, linesOf } from './lines.ts'
import { useChat } from './provider.tsx'
import { useJoined } from './room.ts'
import { useStore } from './store.ts'

export interface Messages<Meta = AnyMeta> {
  /** The room. `send`, `edit` and `delete` show at once in `lines`. */
  room: Room<Meta>
  /** Messages in order, the unsent ones last. Each has one line. */
  lines: readonly Line<Meta>[]
  /** Whether there may be older messages. */
  hasOlder: boolean
  /** Loads a page of older messages; default: 50. Resolves with their number: 0 after an error, which is in `error`. */
  loadOlder: (limit?: number) => Promise<number>
  isLoading: boolean
  /** Reason why the last `loadOlder` failed. */
  error: ChatError | undefined
}

/** Joins a room while the component is mounted. Returns its messages and those of the user that are unsent. */
export function useMessages<Meta = AnyMeta>(name: string, options?: JoinOptions): Messages<Meta> {
  const chat = useChat<Meta>()
  const room = useJoined<Meta>(name, options)
  const messages = useStore(room, ({ messages }) => messages)
  const pending = useStore(room, ({ pending }) => pending)
  const user = useStore(chat, ({ user }) => user)
  const lines = useMemo(() => linesOf(messages, pending, user), [messages, pending, user])
  const hasOlder = useStore(room, ({ hasOlder }) => hasOlder)
  return { room, lines, hasOlder, ...useOlder(room) }
}

/** Returns a function that loads older messages, and how that goes. */
function useOlder<Meta>(room: Room<Meta>): Pick<Messages<Meta>, 'loadOlder' | 'isLoading' | 'error'> {
  const idle = { room, isLoading: false, error: undefined as ChatError | undefined }
  const [known, setKnown] = useState(idle)
  const loadOlder = useCallback(
    async (limit?: number) => {
      const set = (isLoading: boolean, error?: ChatError) => setKnown({ room, isLoading, error })
      set(true)
      try {
        const loaded = await room.loadOlder(limit)
        set(false)
        return loaded
      } catch (error) {
        set(false, error as ChatError)
        return 0
      }
    },
    [room],
  )
  // The component may have gone over to another room.
  const { isLoading, error } = known.room === room ? known : idle
  return { loadOlder, isLoading, error }
}

import type { AnyMeta, ChatError, Message, Reactions, Room } from '@rabble/client'
import { react } from '@rabble/client/reactions'
import { useCallback, useMemo, useState } from 'react'
import { useChat } from './provider.tsx'
import { useStore } from './store.ts'

/** Users who reacted to a message with one emoji. */
export interface ReactionView extends Reactions {
  /** Whether the user is in `users`. Of an emoji of more than 50 users, the user may be one of those that are only counted. */
  isMine: boolean
}

export interface MessageReactions {
  /** Reactions by emoji, in the order in which the emoji came first. */
  reactions: readonly ReactionView[]
  /** Reacts to the message with an emoji, or takes that back. Never rejects: see `error`. */
  toggle: (emoji: string) => Promise<void>
  /** Reason why the last `toggle` failed. */
  error: ChatError | undefined
}

/** Returns the reactions to a message of a room. The room must be joined, as `useMessages` does. */
export function useReactions<Meta = AnyMeta>(room: Room<Meta>, message: Message<Meta>): MessageReactions {
  const chat = useChat<Meta>()
  const me = useStore(chat, ({ user }) => user?.id) ?? ''
  const [error, setError] = useState<ChatError | undefined>()
  const { id, reactions: all } = message
  const reactions = useMemo(
    () => (all ?? []).map((one) => ({ ...one, isMine: one.users.includes(me) })),
    [all, me],
  )
  const toggle = useCallback(
    async (emoji: string) => {
      const remove = reactions.some((one) => one.emoji === emoji && one.isMine)
      const failed = await react(room, id, emoji, { remove }).then(
        () => undefined,
        (error: ChatError) => error,
      )
      setError(failed)
    },
    [room, id, reactions],
  )
  return { reactions, toggle, error }
}

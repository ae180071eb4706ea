import { computed, signal } from '@preact/signals'
import type { Chat } from '@rabble/client'
import {
  type ConversationState,
  type Conversations,
  type ConversationsSnapshot,
  createConversations,
} from '@rabble/client/conversations'
import { knownNameOf, remember } from './names.ts'
import { me, onEnter, onSignOut } from './session.ts'

/** Number of messages of a direct conversation among which the name of the other user is looked for. */
const lookedAt = 50

/**
 * The user's conversations as the server has them, the same on all devices; undefined before its first answer. During an absence the
 * last known ones stay.
 */
export const conversations = signal<ConversationsSnapshot | undefined>(undefined)
const byRoom = computed(
  () => new Map(conversations.value?.conversations.map((conversation) => [conversation.room, conversation])),
)

let list: Conversations | undefined
/** Direct conversations in which names were looked for. */
const asked = new Set<string>()
let looking = Promise.resolve()

/** Returns the user's conversation in a room; undefined if the user is no member, or if it is on a page that is not loaded. */
export function conversationOf(room: string): ConversationState | undefined {
  return byRoom.value.get(room)
}

/** Actions on the conversations. Undefined before sign-in. */
export function conversationActions():
  | Pick<Conversations, 'markRead' | 'mute' | 'leave' | 'loadMore'>
  | undefined {
  return list
}

/** Follows the conversations of each chat. */
export function startConversations(): void {
  onEnter(entered)
  onSignOut(() => {
    list?.close()
    list = undefined
    conversations.value = undefined
    asked.clear()
  })
}

function entered(chat: Chat): void {
  list?.close()
  const own = createConversations(chat)
  list = own
  own.subscribe(() => {
    const snapshot = own.getSnapshot()
    if (own !== list || snapshot.status !== 'ready') return
    learnNames(chat, snapshot.conversations)
    conversations.value = snapshot
  })
}

/** Learns the names of users from the newest messages. If the user wrote the newest message, looks for one of the other user. */
function learnNames(chat: Chat, states: readonly ConversationState[]): void {
  const own = me.peek()
  remember([...states].reverse().flatMap(({ lastMessage }) => lastMessage?.from ?? []))
  if (own !== undefined) remember([own])
  for (const { room, peer } of states) {
    if (peer === undefined || knownNameOf(peer) !== undefined || asked.has(room)) continue
    asked.add(room)
    looking = looking
      .then(() => chat.room(room).history({ limit: lookedAt }))
      .then(({ messages }) => remember(messages.map(({ from }) => from)))
      .catch(() => {
        asked.delete(room)
      })
  }
}

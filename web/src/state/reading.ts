import { computed, effect, signal } from '@preact/signals'
import { target } from '../conversation/jump.ts'
import { conversationActions, conversationOf, conversations } from './conversations.ts'
import { atEnd, current } from './rooms.ts'
import { changes, connection, me } from './session.ts'

/** Delay (ms) after which visible messages are marked as read. A jump to another message takes less. */
const delay = 100
/** Pause (ms) until the next ones are marked, since a busy room has many readers. */
const pause = 1_000
/** Pause (ms) after a failure. */
const failurePause = 5_000

/** Numbers of unread messages and mentions of a conversation. */
export interface Unread {
  /** Number of messages. Those of muted conversations don't count. */
  messages: number
  mentions: number
}

/** Read position of the current conversation when it was opened. The line "New messages" is after it. */
export const line = signal<{ room: string; readUpTo: string | undefined } | undefined>(undefined)

const visible = signal(!document.hidden)
/** Name of the room whose newest messages the user sees now. */
const seen = computed(() => {
  const name = current.value?.name
  return atEnd.value && visible.value && target.value?.room !== name ? name : undefined
})

/** Returns what is unread in a conversation. Nothing is unread in the one that the user sees. */
export function unreadOf(room: string): Unread {
  const state = conversationOf(room)
  if (state === undefined || seen.value === room) return { messages: 0, mentions: 0 }
  return { messages: state.muted ? 0 : state.unread, mentions: state.mentions }
}

/** Number of unread messages of all loaded conversations, and of mentions in muted ones. */
export const allUnread = computed(() => {
  let count = 0
  for (const { room, muted } of conversations.value?.conversations ?? []) {
    const { messages, mentions } = unreadOf(room)
    count += muted ? mentions : messages
  }
  return count
})

/** Marks messages as read when the user sees them, and notes where a conversation begins to be new. */
export function startReading(): void {
  document.addEventListener('visibilitychange', () => {
    visible.value = !document.hidden
  })
  startLine()
  let timer: ReturnType<typeof setTimeout> | undefined
  /** Message up to which the server was told last. */
  let marked: string | undefined
  /** Time before which nothing is marked. */
  let from = 0
  /** Returns the conversation to mark, and its newest message. */
  const due = () => {
    const room = current.value
    if (room === undefined || room.name !== seen.value || connection.value.status !== 'open') return undefined
    const state = conversationOf(room.name)
    const upTo = room.messages.at(-1)?.id
    // The state of one on a page that is not loaded comes once it is marked.
    const isUnread = state === undefined ? conversations.value?.hasMore === true : state.unread > 0
    if (!isUnread || room.status !== 'joined') return undefined
    if (upTo === undefined || upTo === state?.readUpTo || upTo === marked) return undefined
    return { name: room.name, upTo }
  }
  const mark = () => {
    timer = undefined
    const what = due()
    if (what === undefined) return
    marked = what.upTo
    from = performance.now() + pause
    conversationActions()
      ?.markRead(what.name, what.upTo)
      .catch(() => {
        marked = undefined
        from = performance.now() + failurePause
        markSoon()
      })
  }
  const markSoon = () => {
    if (timer === undefined) timer = setTimeout(mark, Math.max(delay, from - performance.now()))
  }
  effect(() => {
    changes.value
    if (due() !== undefined) markSoon()
  })
}

/** Keeps `line`: it is set when the user opens a conversation or comes back to the tab, until the user sends or goes elsewhere. */
function startLine(): void {
  /** Name of the room for which the line was set, or is not needed. */
  let decided: string | undefined
  effect(() => {
    const name = current.value?.name
    if (line.peek()?.room !== name) line.value = undefined
    if (!visible.value || name !== decided) decided = undefined
    if (!visible.value || name === undefined || decided === name || conversations.value === undefined) return
    decided = name
    const state = conversationOf(name)
    if (state !== undefined && state.unread > 0) line.value = { room: name, readUpTo: state.readUpTo }
  })
  effect(() =>
    current.value?.on('message', ({ message, replayed }) => {
      if (!replayed && message.from.id === me.peek()?.id) line.value = undefined
    }),
  )
}

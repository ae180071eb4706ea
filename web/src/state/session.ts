import { batch, computed, signal } from '@preact/signals'
import { type Chat, ChatError, type ChatState, connect, type User } from '@rabble/client'
import { clearStorage, load, save, tabStorage } from './storage.ts'

/** Number of messages that each room holds. Scrolling back loads more. */
const keep = 300

/** Current chat; undefined before sign-in. */
export const chat = signal<Chat | undefined>(undefined)
/** State of the connection. */
export const connection = signal<ChatState>({ status: 'connecting', attempt: 1 })
/** Whether the page shows the chat. Otherwise it shows the sign-in. */
export const inside = signal(false)
export const signIn = signal<{ name: string; busy?: string; problem?: string }>({ name: '' })
/**
 * Counter that increases when the chat's objects have changed, once per animation frame. The SDK's objects are no signals, so
 * each component that draws one of them must read `changes.value`. It is not enough if its parent does: a component that
 * reads signals is drawn again only for these, or for other props.
 */
export const changes = signal(0)
/** This user, as the server named it. */
export const me = computed<User | undefined>(() => {
  changes.value
  return connection.value.status === 'open' ? connection.value.user : chat.value?.user
})

const openings = new Set<(chat: Chat) => void>()
const endings = new Set<() => void>()
let due = false

/** Calls `opened` with each new chat, before it is connected. */
export function onEnter(opened: (chat: Chat) => void): void {
  openings.add(opened)
}

/** Calls `forget` when the user logs out. The next user of this page must not see data of the one before. */
export function onSignOut(forget: () => void): void {
  endings.add(forget)
}

/** Enters the chat as a guest of this name. A user who was in and is refused still sees the chat and unsent messages. */
export function enter(name: string): void {
  const before = inside.peek() ? chat.peek() : undefined
  chat.value?.close()
  const entering = connect({ name, storage: tabStorage, keep })
  let opened = false
  batch(() => {
    chat.value = entering
    connection.value = entering.state
    signIn.value = { name, busy: 'Connecting…' }
    // First of all, since this reads the stored rooms, which later effects overwrite.
    for (const each of openings) each(entering)
  })
  entering.subscribe(draw)
  entering.on('state', ({ state }) => {
    if (chat.value !== entering) return
    connection.value = state
    if (state.status === 'open') {
      opened = true
      save('name', name)
      signIn.value = { name }
      inside.value = true
    } else if (state.status === 'closed' && !opened) {
      const isUnsent = entering.pending.length > 0 || load('drafts') !== undefined
      if (before !== undefined) chat.value = before
      else if (!inside.peek() || !isUnsent) signOut(sentence(state.reason))
    } else if (state.status === 'waiting')
      signIn.value = { name, busy: `${sentence(state.reason)} Trying again…` }
  })
}

/** Enters the chat again after a reload. */
export function comeBack(): void {
  const name = load('name')
  if (typeof name !== 'string') return
  inside.value = true
  enter(name)
}

/** Logs out, and discards unsent messages. The guest's identity is lost permanently. */
export function signOut(problem?: string): void {
  const name = signIn.value.name
  chat.value?.close({ forget: true })
  chat.value = undefined
  inside.value = false
  for (const forget of endings) forget()
  clearStorage()
  signIn.value = { name, ...(problem !== undefined && { problem }) }
}

/** Returns an error text with a capital and a full stop, which error texts lack. */
export function sentence(text: string): string {
  const [first = '', ...rest] = text
  return `${first.toLocaleUpperCase()}${rest.join('')}${/[.!?…]$/.test(text) ? '' : '.'}`
}

/** Returns an error as a sentence for people. */
export function problemOf(error: unknown): string {
  if (error instanceof ChatError && error.code === 'disconnected')
    return 'The server cannot be reached right now.'
  return error instanceof Error ? sentence(error.message) : String(error)
}

/** Increases `changes` at the next frame, or after 300 ms: a hidden page gets no frames, but must update its title. */
function draw(): void {
  if (due) return
  due = true
  const run = () => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
    due = false
    changes.value++
  }
  const frame = requestAnimationFrame(run)
  const timer = setTimeout(run, 300)
}

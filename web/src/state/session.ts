import { batch, computed, signal } from '@preact/signals'
import { type Chat, ChatError, type ChatState, connect, type User } from '@rabble/client'
import { clearStorage, load, save, tabStorage } from './storage.ts'

/** Messages that each room holds, unless somebody scrolls back. */
const keep = 300

/** Undefined at the door. */
export const chat = signal<Chat | undefined>(undefined)
/** How the chat is connected. */
export const connection = signal<ChatState>({ is: 'connecting', attempt: 1 })
/** Whether the page shows the chat; else the door. */
export const inside = signal(false)
export const door = signal<{ name: string; busy?: string; problem?: string }>({ name: '' })
/**
 * Counts up when something has changed that the chat's objects show, once for each frame that is drawn. The SDK's objects
 * are no signals: each component that draws what one of them says reads `changes.value` itself. That its parent does is not
 * enough, as a component that reads signals is drawn again only for those, or for other props.
 */
export const changes = signal(0)
/** This user, as the server knows it. */
export const me = computed<User | undefined>(() => {
  changes.value
  return connection.value.is === 'open' ? connection.value.user : chat.value?.user
})

const openings = new Set<(chat: Chat) => void>()
const endings = new Set<() => void>()
let due = false

/** Calls `opened` with each chat that begins, before it is connected. */
export function onEnter(opened: (chat: Chat) => void): void {
  openings.add(opened)
}

/** Calls `forget` when somebody goes out: whoever comes next, at the same page, is to see nothing of theirs. */
export function onGoOut(forget: () => void): void {
  endings.add(forget)
}

/** Goes in as a guest of this name. Somebody who was in and is refused now still sees what was there, and what is unsent. */
export function enter(name: string): void {
  const before = inside.peek() ? chat.peek() : undefined
  chat.value?.close()
  const entering = connect({ name, storage: tabStorage, keep })
  let opened = false
  batch(() => {
    chat.value = entering
    connection.value = entering.state
    door.value = { name, busy: 'Connecting…' }
    // Before anything else sees it: what was kept of the rooms is read before it is kept anew.
    for (const each of openings) each(entering)
  })
  entering.on('changed', draw)
  entering.on('state', (state) => {
    if (chat.value !== entering) return
    connection.value = state
    if (state.is === 'open') {
      opened = true
      save('name', name)
      door.value = { name }
      inside.value = true
    } else if (state.is === 'closed' && !opened) {
      const isUnsent = entering.pending.length > 0 || load('drafts') !== undefined
      if (before !== undefined) chat.value = before
      else if (!inside.peek() || !isUnsent) goOut(sentence(state.why))
    } else if (state.is === 'waiting') door.value = { name, busy: `${sentence(state.why)} Trying again…` }
  })
}

/** Goes in as before the reload. */
export function comeBack(): void {
  const name = load('name')
  if (typeof name !== 'string') return
  inside.value = true
  enter(name)
}

/** Gives the name up, and with it what is unsent: nobody can come back as this guest. */
export function goOut(problem?: string): void {
  const name = door.value.name
  chat.value?.close()
  chat.value = undefined
  inside.value = false
  for (const forget of endings) forget()
  clearStorage()
  door.value = { name, ...(problem !== undefined && { problem }) }
}

/** For what the page itself asks over HTTP, beside the SDK: the token of this guest, if there is one. */
export function token(): string | undefined {
  try {
    const kept = JSON.parse(tabStorage.getItem(guestKey(door.value.name)) ?? '{}') as { token?: unknown }
    return typeof kept.token === 'string' ? kept.token : undefined
  } catch {
    return undefined
  }
}

/** Error texts are sentences without a capital and a full stop. */
export function sentence(text: string): string {
  const [first = '', ...rest] = text
  return `${first.toLocaleUpperCase()}${rest.join('')}${/[.!?…]$/.test(text) ? '' : '.'}`
}

/** What went wrong with something that was asked for, for people. */
export function problemOf(error: unknown): string {
  if (error instanceof ChatError && error.code === 'disconnected')
    return 'The server cannot be reached right now.'
  return error instanceof Error ? sentence(error.message) : String(error)
}

/** Where the SDK keeps who a guest is. */
function guestKey(name: string): string {
  return `rabble.guest.${name}`
}

/** A hidden page gets no frames, but its title counts. */
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

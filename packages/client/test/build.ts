import type { TestContext } from '@rabble/harness'
import { WebSocket } from 'ws'
import {
  type Chat,
  type ChatState,
  type ConnectOptions,
  connect,
  type Room,
  type RoomEvent,
  type StorageLike,
} from '../src/index.ts'

/** Connects, and closes the chat when the test is done. */
export function chatWith(t: TestContext, options: ConnectOptions): Chat {
  const chat = connect({ WebSocket, ...options })
  t.teardown(() => chat.close())
  return chat
}

/** The states that a chat takes from now on. */
export function statesOf(chat: Chat): ChatState['is'][] {
  const states: ChatState['is'][] = []
  chat.on('state', ({ is }) => states.push(is))
  return states
}

/** A storage as a browser's, in memory. */
export function createStorage(): StorageLike & { readonly items: ReadonlyMap<string, string> } {
  const items = new Map<string, string>()
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  }
}

/** Everything that happens in a room, as it happens. */
export function watch(room: Room): RoomEvent[] {
  const events: RoomEvent[] = []
  for (const type of ['message', 'edit', 'delete', 'joined', 'left', 'presence', 'typing', 'gap'] as const) {
    room.on(type, (event) => events.push(event))
  }
  return events
}

/** The ids of events of the log, in the order in which they came. */
export function idsIn(events: readonly RoomEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === 'message') return [event.message.id]
    return event.type === 'edit' || event.type === 'delete' ? [event.change.id] : []
  })
}

export function textsIn(events: readonly RoomEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'message' ? [event.message.text] : []))
}

/** A browser of which a test pretends the network and the page. */
export interface PretendedBrowser {
  onLine: boolean
  visible: boolean
  /** Tells the chats of this test that such an event has happened. */
  dispatch(type: string): void
}

/** Makes chats that connect from now on believe that they run in a browser. */
export function pretendBrowser(t: TestContext): PretendedBrowser {
  const target = new EventTarget()
  const browser: PretendedBrowser = {
    onLine: true,
    visible: true,
    dispatch: (type) => void target.dispatchEvent(new Event(type)),
  }
  const pretended = {
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
    navigator: {
      get onLine() {
        return browser.onLine
      },
    },
    document: {
      get visibilityState() {
        return browser.visible ? 'visible' : 'hidden'
      },
    },
  }
  for (const [name, value] of Object.entries(pretended)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name)
    Object.defineProperty(globalThis, name, { value, configurable: true })
    t.teardown(() => {
      if (before === undefined) delete (globalThis as Record<string, unknown>)[name]
      else Object.defineProperty(globalThis, name, before)
    })
  }
  return browser
}

import type { TestContext } from '@rabble/harness'
import { WebSocket } from 'ws'
import {
  type Chat,
  type ChatState,
  type ConnectOptions,
  connect,
  type JoinOptions,
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

/** Joins a room, without waiting for that. */
export function enter(chat: Chat, name: string, options?: JoinOptions): Room {
  const room = chat.room(name)
  void room.join(options)
  return room
}

/** Records the states of a chat from now on. */
export function statesOf(chat: Chat): ChatState['status'][] {
  const states: ChatState['status'][] = []
  chat.on('state', ({ state }) => states.push(state.status))
  return states
}

/** Returns a storage like a browser's, in memory. */
export function createStorage(): StorageLike & { readonly items: ReadonlyMap<string, string> } {
  const items = new Map<string, string>()
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  }
}

/** Records all events of a room as they occur. */
export function watch(room: Room): RoomEvent[] {
  const events: RoomEvent[] = []
  const log = ['message', 'edit', 'delete', 'reaction'] as const
  for (const type of [...log, 'joined', 'left', 'presence', 'typing', 'gap', 'signal'] as const) {
    room.on(type, (event) => events.push(event))
  }
  return events
}

/** Returns the ids of events of the log, in the order of arrival. */
export function idsIn(events: readonly RoomEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === 'message') return [event.message.id]
    return 'change' in event ? [event.change.id] : []
  })
}

export function textsIn(events: readonly RoomEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'message' ? [event.message.text] : []))
}

/** Browser whose network and page a test simulates. */
export interface PretendedBrowser {
  onLine: boolean
  visible: boolean
  /** Dispatches an event of the browser to the chats of this test. */
  dispatch(type: string): void
}

/** Returns locks like those of a browser, for requests that don't wait. */
function createLocks() {
  const held = new Set<string>()
  return {
    async request(name: string, _: { ifAvailable: true }, work: (lock: object | null) => unknown) {
      if (held.has(name)) return work(null)
      held.add(name)
      try {
        return await work({ name })
      } finally {
        held.delete(name)
      }
    },
  }
}

/** Simulates a browser for chats that connect from now on. */
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
    location: {},
    navigator: {
      locks: createLocks(),
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

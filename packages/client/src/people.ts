import type { Person } from '@rabble/contract'
import { backoff } from './backoff.ts'
import { sleep, systemClock } from './clock.ts'
import type { Connection } from './connection.ts'
import type { ChatError } from './errors.ts'
import type { Chat } from './types.ts'

export type { Person } from '@rabble/contract'

/** Maximum number of users who are followed. */
const most = 200

/** Presence of people with whom the user shares a direct conversation, kept up to date over reconnects. */
export interface People {
  /** Presence by the user's id. Users whom the user may not see are absent. It keeps its identity until it changes. */
  readonly getSnapshot: () => ReadonlyMap<string, Person>
  /** Calls `listener` after each change, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void
  /** Follows these users in place of those before: the first 200, such as those that can be seen. */
  follow(users: readonly string[]): void
  /** Says whether the user has left this device alone. The server notices too, after ten minutes. */
  setAway(away: boolean): void
  /** Stops following. */
  close(): void
}

/** Follows the presence of people. */
export function createPeople(chat: Pick<Chat, 'on' | 'state'>): People {
  const { connection } = chat as unknown as { connection: Pick<Connection, 'request' | 'tell'> }
  const listeners = new Set<() => void>()
  let wanted: readonly string[] = []
  let people: ReadonlyMap<string, Person> = new Map()
  let away = false
  let turn = 0

  function set(next: ReadonlyMap<string, Person>): void {
    people = next
    for (const listener of [...listeners]) listener()
  }

  async function refresh(): Promise<void> {
    const own = ++turn
    for (let attempt = 0; own === turn && chat.state.status === 'open'; attempt++) {
      try {
        await connection.request({ type: 'people', users: [...wanted] }, (reply) => {
          if (own === turn) set(new Map(reply.people.map((person) => [person.user, person])))
        })
        return
      } catch (problem) {
        const error = problem as ChatError
        if (own !== turn || !error.retry || error.code === 'disconnected') return
        await sleep(systemClock, (error.retryAfter ?? 1_000) + backoff(attempt))
      }
    }
  }

  function opened(): void {
    if (away) connection.tell({ type: 'away', away })
    if (wanted.length > 0) void refresh()
  }

  const ends = [
    chat.on('state', ({ state }) => {
      if (state.status === 'open') opened()
    }),
    chat.on('people', (frame) => {
      const next = new Map(people)
      for (const person of frame.people) if (wanted.includes(person.user)) next.set(person.user, person)
      for (const user of frame.removed ?? []) next.delete(user)
      set(next)
    }),
    // Users who hide whether they are here see nobody.
    chat.on('privacy', () => {
      if (wanted.length > 0) void refresh()
    }),
  ]

  return {
    getSnapshot: () => people,
    subscribe(listener) {
      const entry = () => listener()
      listeners.add(entry)
      return () => listeners.delete(entry)
    },
    follow(users) {
      const next = [...new Set(users)].slice(0, most)
      if (next.join() === wanted.join()) return
      wanted = next
      void refresh()
    },
    setAway(next) {
      if (away === next) return
      away = next
      connection.tell({ type: 'away', away })
    },
    close() {
      turn++
      for (const end of ends) end()
      listeners.clear()
      if (wanted.length > 0) connection.request({ type: 'people', users: [] }).catch(() => {})
    },
  }
}

import { computed, effect, signal } from '@preact/signals'
import type { People, Person } from '@rabble/client/people'
import { conversations } from './conversations.ts'
import { chat, connection } from './session.ts'

/** Maximum number of users who are followed, as in the protocol: those with whom the user has spoken last. */
const most = 200
/** Interval (ms) at which "last seen" is written anew. */
const minute = 60_000

const known = signal<ReadonlyMap<string, Person>>(new Map())

/** The time (ms since 1970), by the minute. */
export const now = signal(Date.now())

/** Ids of the users to follow. Sorted, since each message changes the order of the conversations, and not who is in them. */
const wanted = computed(() => {
  const peers = conversations.value?.conversations.flatMap(({ peer }) => peer ?? []) ?? []
  return peers.slice(0, most).sort().join(' ')
})
const isAny = computed(() => wanted.value !== '')

/**
 * Returns the presence of a user with whom this one shares a direct conversation; undefined if it is not shown, or not known because the
 * page is not connected.
 */
export function presenceOf(user: string): Person | undefined {
  return connection.value.status === 'open' ? known.value.get(user) : undefined
}

/** Follows the presence of people. The code for that is loaded with the first direct conversation. */
export function startPresence(): void {
  setInterval(() => {
    now.value = Date.now()
  }, minute)
  effect(() => {
    const own = chat.value
    known.value = new Map()
    if (own === undefined || !isAny.value) return undefined
    const ends: (() => void)[] = []
    let isOver = false
    import('@rabble/client/people').then(
      ({ createPeople }) => {
        if (isOver) return
        const people: People = createPeople(own)
        people.subscribe(() => {
          known.value = people.getSnapshot()
          now.value = Date.now()
        })
        ends.push(
          effect(() => people.follow(wanted.value === '' ? [] : wanted.value.split(' '))),
          () => people.close(),
        )
      },
      () => {
        // The next sign-in tries again.
      },
    )
    return () => {
      isOver = true
      for (const end of ends) end()
    }
  })
}

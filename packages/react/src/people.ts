import type { AnyMeta, Chat } from '@rabble/client'
import { createPeople, type People, type Person } from '@rabble/client/people'
import { useEffect } from 'react'
import { createLease, type Lease } from './lease.ts'
import { useChat } from './provider.tsx'
import { createStore, type Store, useStore } from './store.ts'

export interface PresenceOfPeople {
  /** Presence by the user's id. Users whom the user may not see are absent; those of other components may be there. */
  people: ReadonlyMap<string, Person>
  /** Says whether the user has left this device alone. */
  setAway: (away: boolean) => void
}

/** Followed people of a chat, and the lists of the components. */
interface Followed {
  people: People
  /** Adds a list. Returns a function that removes it. */
  add(users: readonly string[]): () => void
}

interface Shared {
  store: Store<ReadonlyMap<string, Person>>
  lease: Lease<Followed>
  setAway: PresenceOfPeople['setAway']
}

/** People by chat. */
const followed = new WeakMap<object, Shared>()

/**
 * Returns who is online of those of some users with whom the user shares a direct conversation. Components share one list of 200 users at
 * most, which has those of the first components first.
 */
export function usePeople<Meta = AnyMeta>(users: readonly string[]): PresenceOfPeople {
  const chat = useChat<Meta>()
  const { store, lease, setAway } = followed.get(chat) ?? share(chat)
  // An array of the same users may be another one at each render. Ids have no line feeds.
  const list = users.join('\n')
  useEffect(() => {
    const { thing, release } = lease.take()
    const remove = thing.add(list === '' ? [] : list.split('\n'))
    return () => {
      remove()
      release()
    }
  }, [lease, list])
  return { people: useStore(store, (people) => people), setAway }
}

function share<Meta>(chat: Chat<Meta>): Shared {
  const store = createStore<ReadonlyMap<string, Person>>(new Map())
  const begin = (): Followed => {
    const people = createPeople(chat as Chat)
    people.subscribe(() => store.set(people.getSnapshot()))
    const lists = new Set<readonly string[]>()
    let isDue = false
    const update = () => {
      isDue = false
      people.follow([...lists].flat())
    }
    // A moment later: in strict mode each component is unmounted and mounted again in the same task.
    const changed = () => {
      if (!isDue) queueMicrotask(update)
      isDue = true
    }
    return {
      people,
      add(users) {
        const own = [...users]
        lists.add(own)
        changed()
        return () => {
          lists.delete(own)
          changed()
        }
      },
    }
  }
  const lease = createLease(begin, ({ people }) => {
    people.close()
    store.set(new Map())
  })
  const setAway = (away: boolean) => {
    const { thing, release } = lease.take()
    thing.people.setAway(away)
    release()
  }
  const shared = { store, lease, setAway }
  followed.set(chat, shared)
  return shared
}

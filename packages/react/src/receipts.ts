import type { AnyMeta, Room } from '@rabble/client'
import { followReceipts, type Receipts, type ReceiptsSnapshot } from '@rabble/client/receipts'
import { useEffect, useMemo } from 'react'
import { createLease, type Lease } from './lease.ts'
import { useJoined } from './room.ts'
import { createStore, type Store, useStore } from './store.ts'

export interface ReadPositions<Meta = AnyMeta> {
  room: Room<Meta>
  /** `hidden`: the room doesn't show them, it has too many members, or the user doesn't show theirs. `loading` before the answer. */
  status: ReceiptsSnapshot['status']
  /** The message up to which each of the others has read, by the user's id. */
  positions: ReceiptsSnapshot['positions']
  /**
   * Returns the ids of the others who have read a message, without its author. It is another function after each change, so that
   * memoized rows that get it are drawn again.
   */
  seenBy: (message: string) => string[]
}

type Followed = Pick<ReadPositions, 'status' | 'positions' | 'seenBy'>

interface Shared {
  store: Store<Followed>
  lease: Lease<Receipts>
}

const nothing: Followed = { status: 'loading', positions: new Map(), seenBy: () => [] }

/** Read positions by room. The SDK has one handle of a room. */
const followed = new WeakMap<object, Shared>()

/** Joins a room while the component is mounted. Returns how far the others have read. */
export function useReceipts<Meta = AnyMeta>(name: string): ReadPositions<Meta> {
  const room = useJoined<Meta>(name)
  const { store, lease } = followed.get(room) ?? share(room)
  useEffect(() => lease.take().release, [lease])
  const { status, positions, seenBy: find } = useStore(store, (followed) => followed)
  const messages = useStore(room, ({ messages }) => messages)
  // The author of a message has read those before it, so new messages change the answer.
  const seenBy = useMemo(
    () => (message: string) => (messages.length > 0 ? find(message) : []),
    [find, messages],
  )
  return { room, status, positions, seenBy }
}

function share<Meta>(room: Room<Meta>): Shared {
  const store = createStore(nothing)
  const begin = () => {
    const receipts = followReceipts(room)
    receipts.subscribe(() =>
      store.set({ ...receipts.getSnapshot(), seenBy: (message) => receipts.seenBy(message) }),
    )
    return receipts
  }
  const end = (receipts: Receipts) => {
    receipts.close()
    store.set(nothing)
  }
  const shared = { store, lease: createLease(begin, end) }
  followed.set(room, shared)
  return shared
}

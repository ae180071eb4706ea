import { useSyncExternalStore } from 'react'

/** State outside of React, as a chat and a room offer it. */
export interface Store<State> {
  readonly subscribe: (listener: () => void) => () => void
  readonly getSnapshot: () => State
}

/** Returns a part of the state, and renders again when that part is another object. */
export function useStore<State, Part>(store: Store<State>, part: (state: State) => Part): Part {
  const read = () => part(store.getSnapshot())
  return useSyncExternalStore(store.subscribe, read, read)
}

/** Creates a store of immutable states. */
export function createStore<State>(state: State): Store<State> & { set(next: State): void } {
  let present = state
  // Each subscription has an entry of its own, also with the same listener.
  const listeners = new Set<{ listener: () => void }>()
  return {
    getSnapshot: () => present,
    subscribe(listener) {
      const entry = { listener }
      listeners.add(entry)
      return () => listeners.delete(entry)
    },
    set(next) {
      present = next
      for (const { listener } of [...listeners]) listener()
    },
  }
}

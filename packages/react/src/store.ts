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

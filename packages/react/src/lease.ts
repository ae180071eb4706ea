/** Something that components share: it begins with the first of them and ends after the last. */
export interface Lease<Thing> {
  /** Returns the thing, and a function that gives it back. */
  take(): { thing: Thing; release: () => void }
}

/**
 * Creates a lease. The thing ends a moment after the last release: in strict mode React unmounts each component and mounts it again
 * in the same task, and a component may replace another one that uses the same thing.
 */
export function createLease<Thing>(begin: () => Thing, end: (thing: Thing) => void): Lease<Thing> {
  let holders = 0
  let held: { thing: Thing } | undefined
  const endIfUnused = () => {
    if (holders > 0 || held === undefined) return
    const { thing } = held
    held = undefined
    end(thing)
  }
  return {
    take() {
      held ??= { thing: begin() }
      holders++
      const release = () => {
        holders--
        queueMicrotask(endIfUnused)
      }
      return { thing: held.thing, release }
    },
  }
}

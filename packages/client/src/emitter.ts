/** Who wants to hear of what. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>()

  on<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners)
    // The same function may listen twice: each time it is another listener.
    const own = (event: Events[T]) => listener(event)
    listeners.add(own)
    return () => listeners.delete(own)
  }

  has(type: keyof Events): boolean {
    return (this.#listeners.get(type)?.size ?? 0) > 0
  }

  emit<T extends keyof Events>(type: T, event: Events[T]): void {
    const listeners = this.#listeners.get(type) as Set<(event: Events[T]) => void> | undefined
    for (const listener of [...(listeners ?? [])]) {
      // One before it may have ended this one.
      if (!listeners?.has(listener)) continue
      try {
        listener(event)
      } catch (error) {
        // The page's mistake is reported as any other, and must not stop what comes behind it.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

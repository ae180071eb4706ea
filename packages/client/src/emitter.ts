/** Listeners by type of event. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>()

  on<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners)
    // A function that is added twice counts as two listeners.
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
      // An earlier listener may have removed this one.
      if (!listeners?.has(listener)) continue
      try {
        listener(event)
      } catch (error) {
        // An error of the page is reported like any other, and must not stop the listeners after it.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

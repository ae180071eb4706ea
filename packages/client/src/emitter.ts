interface Entry {
  listener: (event: never) => void
  once: boolean | undefined
}

/** Listeners by type of event. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<Entry>>()

  /** Adds a listener. Returns a function that removes it. A function that is added twice is called twice. */
  on<T extends keyof Events>(type: T, listener: (event: Events[T]) => void, once?: boolean): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners)
    const entry = { listener, once }
    listeners.add(entry)
    return () => listeners.delete(entry)
  }

  once<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): () => void {
    return this.on(type, listener, true)
  }

  off<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): void {
    const listeners = this.#listeners.get(type)
    for (const entry of listeners ?? []) if (entry.listener === listener) listeners?.delete(entry)
  }

  has(type: keyof Events): boolean {
    return (this.#listeners.get(type)?.size ?? 0) > 0
  }

  /** Whether there is any listener. */
  protected get isUsed(): boolean {
    return [...this.#listeners.values()].some(({ size }) => size > 0)
  }

  emit<T extends keyof Events>(type: T, event: Events[T]): void {
    const listeners = this.#listeners.get(type)
    for (const entry of [...(listeners ?? [])]) {
      // An earlier listener may have removed this one.
      if (!listeners?.has(entry)) continue
      if (entry.once) listeners.delete(entry)
      try {
        entry.listener(event as never)
      } catch (error) {
        // An error of the page is reported like any other, and must not stop the listeners after it.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

import type { StorageLike } from './types.ts'

/** JSON values in a storage that may be missing, full, or forbidden by the browser. Then nothing survives a reload. */
export class Store {
  readonly #storage: StorageLike | undefined

  /** Keys that were used. Each value is loaded before it is saved. */
  readonly #keys = new Set<string>()

  constructor(storage: StorageLike | undefined) {
    this.#storage = storage
  }

  load(key: string): unknown {
    this.#keys.add(key)
    try {
      return JSON.parse(this.#storage?.getItem(`rabble.${key}`) ?? 'null')
    } catch {
      return null
    }
  }

  /** Stores a value; `undefined` removes it. */
  save(key: string, value: unknown): void {
    try {
      if (value === undefined) this.#storage?.removeItem(`rabble.${key}`)
      else this.#storage?.setItem(`rabble.${key}`, JSON.stringify(value))
    } catch {
      // The value stays in memory.
    }
  }

  /** Removes all values. */
  forget(): void {
    for (const key of this.#keys) this.save(key, undefined)
  }
}

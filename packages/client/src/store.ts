import type { StorageLike } from './types.ts'

/** JSON in a storage that may be missing, full, or forbidden by the browser: then nothing survives a reload. */
export class Store {
  readonly #storage: StorageLike | undefined

  constructor(storage: StorageLike | undefined) {
    this.#storage = storage
  }

  load(key: string): unknown {
    try {
      return JSON.parse(this.#storage?.getItem(`rabble.${key}`) ?? 'null')
    } catch {
      return null
    }
  }

  /** Nothing is kept of `undefined`. */
  save(key: string, value: unknown): void {
    try {
      if (value === undefined) this.#storage?.removeItem(`rabble.${key}`)
      else this.#storage?.setItem(`rabble.${key}`, JSON.stringify(value))
    } catch {
      // It stays in memory.
    }
  }
}

import type { StorageLike } from './types.ts'

/** JSON values in a storage that may be missing, full, or forbidden by the browser. Then nothing survives a reload. */
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

  /** Stores a value; `undefined` removes it. */
  save(key: string, value: unknown): void {
    try {
      if (value === undefined) this.#storage?.removeItem(`rabble.${key}`)
      else this.#storage?.setItem(`rabble.${key}`, JSON.stringify(value))
    } catch {
      // The value stays in memory.
    }
  }
}

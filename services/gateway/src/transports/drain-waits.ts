interface Wait {
  bytes: number
  resolve(): void
}

/** Calls of `drained` that wait, for connections that count their unsent bytes themselves. */
export class DrainWaits {
  readonly #isDrained: (bytes: number) => boolean
  #waits: Wait[] = []

  /** `isDrained` tells whether no more than some bytes are unsent, or the connection is closed. */
  constructor(isDrained: (bytes: number) => boolean) {
    this.#isDrained = isDrained
  }

  /** Resolves when the connection is drained to `bytes`. Each change of its unsent bytes needs a `check`. */
  drained(bytes: number): Promise<void> {
    if (this.#isDrained(bytes)) return Promise.resolve()
    return new Promise((resolve) => this.#waits.push({ bytes, resolve }))
  }

  /** Ends the waits that are over. Bound, so that it can be a listener. */
  readonly check = (): void => {
    if (this.#waits.length === 0) return
    const over = this.#waits.filter(({ bytes }) => this.#isDrained(bytes))
    this.#waits = this.#waits.filter((wait) => !over.includes(wait))
    for (const { resolve } of over) resolve()
  }
}

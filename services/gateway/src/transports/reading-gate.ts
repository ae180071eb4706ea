/** Tells whether a client's messages may be read, for transports that take them from requests. */
export class ReadingGate {
  #resumed: { promise: Promise<void>; resolve(): void } | undefined

  get isPaused(): boolean {
    return this.#resumed !== undefined
  }

  pause(): void {
    if (this.#resumed !== undefined) return
    let resolve = () => {}
    const promise = new Promise<void>((resolved) => {
      resolve = resolved
    })
    this.#resumed = { promise, resolve }
  }

  resume(): void {
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  /** Resolves when messages may be read. Undefined: now. */
  reading(): Promise<void> | undefined {
    return this.#resumed?.promise
  }
}

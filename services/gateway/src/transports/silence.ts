import type { Clock } from '@rabble/clock'

/**
 * How long a connection was sent nothing, as far as checks have seen, which come every second: to look at the clock for each write would
 * cost a tenth of the write.
 */
export class Silence {
  readonly #clock: Clock
  #hasWritten = false
  #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.monotonic()
  }

  /** Notes a write. */
  wrote(): void {
    this.#hasWritten = true
  }

  /** Returns whether the silence has lasted for `time` (ms). If so, it begins again: the caller writes something. */
  check(time: number): boolean {
    const now = this.#clock.monotonic()
    const isOver = !this.#hasWritten && now - this.#since >= time
    if (isOver || this.#hasWritten) this.#since = now
    this.#hasWritten = false
    return isOver
  }
}

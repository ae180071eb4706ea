import type { Clock } from '@rabble/clock'
import { Deferred } from '@rabble/clock/deferred'
import { inTime } from '@rabble/clock/race'

/** The wait of a reader that collects batches, so that its next step is larger. */
export class Collecting {
  readonly #clock: Clock
  #end: Deferred<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves after a number of milliseconds, or at `end`. */
  async wait(milliseconds: number): Promise<void> {
    if (milliseconds <= 0) return
    this.#end = new Deferred()
    await inTime(this.#end.promise, milliseconds, this.#clock)
    this.#end = undefined
  }

  /** Ends the wait, if there is one. */
  end(): void {
    this.#end?.resolve()
  }
}

/** Lets `burst` through at once and `perSecond` for long. Time is passed in: milliseconds of any steady clock. */
export class TokenBucket {
  #tokens: number
  #at: number
  readonly #perMs: number
  readonly #burst: number

  constructor(perSecond: number, burst: number, now: number) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#at = now
  }

  /** Takes one; 0 if there was one, else the milliseconds until there will be. */
  take(now: number): number {
    const wait = this.wait(now)
    if (wait === 0) this.#tokens--
    return wait
  }

  /** Takes `count`, whatever is there: what is missing is owed. */
  spend(now: number, count: number): void {
    this.#fill(now)
    this.#tokens -= count
  }

  /** Returns the milliseconds until there is one; 0 if there is. */
  wait(now: number): number {
    this.#fill(now)
    // Sums of fractions: what is all but one is one.
    if (this.#tokens > 1 - 1e-6) return 0
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs - 1e-6))
  }

  /** Returns whether all that was taken has come back. */
  isFull(now: number): boolean {
    this.#fill(now)
    return this.#tokens > this.#burst - 1e-6
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs)
    this.#at = now
  }
}

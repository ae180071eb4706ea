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
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs)
    this.#at = now
    // Sums of fractions: what is all but one is one.
    if (this.#tokens > 1 - 1e-6) {
      this.#tokens--
      return 0
    }
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs - 1e-6))
  }
}

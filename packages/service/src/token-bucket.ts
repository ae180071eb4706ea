/** Rate limit of `burst` at once and `perSecond` on average. Callers pass the time: milliseconds of any monotonic clock. */
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

  /** Takes one. Returns 0, or the milliseconds until there is one, if nothing was taken. */
  take(now: number): number {
    const wait = this.wait(now)
    if (wait === 0) this.#tokens--
    return wait
  }

  /** Takes `count`, even more than there are: later tokens pay the debt. */
  spend(now: number, count: number): void {
    this.#fill(now)
    this.#tokens -= count
  }

  /** Returns the milliseconds until there is one; 0 if there is. */
  wait(now: number): number {
    this.#fill(now)
    // Sums of fractions are not exact.
    if (this.#tokens > 1 - 1e-6) return 0
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs - 1e-6))
  }

  /** Returns whether the bucket is full again. */
  isFull(now: number): boolean {
    this.#fill(now)
    return this.#tokens > this.#burst - 1e-6
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs)
    this.#at = now
  }
}

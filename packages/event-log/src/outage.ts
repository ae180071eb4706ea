import type { Clock, Timer } from '@rabble/clock'
import type { Logger } from './event-log.ts'

/** Milliseconds without a failure after which a dependency is taken to be back: brokers come up in several steps. */
const calm = 2000

/**
 * Logs once when a dependency goes and once when it is back, however many parts notice and however often each retries:
 * an outage of a minute is two lines, not thousands.
 */
export class Outage {
  readonly #dependency: string
  readonly #clock: Clock
  #logger: Logger | undefined
  /** What is down, and why. */
  readonly #down = new Map<string, string>()
  /** When the outage began that was logged and has not ended yet. */
  #since: number | undefined
  #recovery: Timer | undefined

  constructor(dependency: string, clock: Clock, logger: Logger | undefined) {
    this.#dependency = dependency
    this.#clock = clock
    this.#logger = logger
  }

  /** Why a part is down, or undefined if it is not. */
  reason(part: string): string | undefined {
    return this.#down.get(part)
  }

  down(part: string, error: unknown): void {
    // The message alone: errors of drivers hold connection options, and those a password.
    const reason = error instanceof Error ? error.message : String(error)
    this.#down.set(part, reason)
    this.#recovery?.cancel()
    if (this.#since !== undefined) return
    this.#since = this.#clock.monotonic()
    this.#logger?.warn({ part, reason }, `${this.#dependency} is not available, retrying`)
  }

  up(part: string): void {
    if (!this.#down.delete(part) || this.#down.size > 0) return
    const backAt = this.#clock.monotonic()
    this.#recovery = this.#clock.setTimeout(() => {
      const seconds = Math.round(backAt - (this.#since ?? backAt)) / 1000
      this.#since = undefined
      this.#logger?.info({ seconds }, `${this.#dependency} is available again`)
    }, calm)
    this.#recovery.unref()
  }

  /** Nobody needs the dependency any more. */
  end(): void {
    this.#recovery?.cancel()
    this.#logger = undefined
  }
}

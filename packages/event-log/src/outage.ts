import type { Clock, Timer } from '@rabble/clock'
import type { Logger } from './event-log.ts'

/** Failure that no retry can end. Its message says what an operator has to do. */
export class LastingFailure extends Error {
  override readonly name = 'LastingFailure'
}

/** Time (ms) without a failure after which a dependency counts as available again: brokers start in several steps. */
const calm = 2000

/**
 * Logs the beginning and the end of an outage once, for any number of parts and retries: an outage of a minute takes two lines,
 * not thousands. Each `LastingFailure` takes one more.
 */
export class Outage {
  readonly #dependency: string
  readonly #clock: Clock
  #logger: Logger | undefined
  /** Parts that are down, and the reasons. */
  readonly #down = new Map<string, { reason: string; isLasting: boolean }>()
  /** Start of the outage that was logged and has not ended. */
  #since: number | undefined
  #recovery: Timer | undefined
  /** Lasting failures of this outage that were logged. */
  readonly #lasting = new Set<string>()

  constructor(dependency: string, clock: Clock, logger: Logger | undefined) {
    this.#dependency = dependency
    this.#clock = clock
    this.#logger = logger
  }

  /** Returns the reason why a part is down; undefined if it is up. */
  reason(part: string): string | undefined {
    return this.#down.get(part)?.reason
  }

  /** Returns the reason of a part that is down and needs an operator; undefined if there is none. */
  get lasting(): string | undefined {
    return [...this.#down.values()].find(({ isLasting }) => isLasting)?.reason
  }

  down(part: string, error: unknown): void {
    // Uses only the message: errors of drivers contain connection options, with the password.
    const reason = error instanceof Error ? error.message : String(error)
    const isLasting = error instanceof LastingFailure
    this.#down.set(part, { reason, isLasting })
    this.#recovery?.cancel()
    const isKnown = this.#since !== undefined
    this.#since ??= this.#clock.monotonic()
    if (isLasting) {
      if (this.#lasting.has(reason)) return
      this.#lasting.add(reason)
      this.#logger?.error({ part, reason }, `${this.#dependency} does not come back without help, retrying`)
    } else if (!isKnown) {
      this.#logger?.warn({ part, reason }, `${this.#dependency} is not available, retrying`)
    }
  }

  up(part: string): void {
    if (!this.#down.delete(part) || this.#down.size > 0) return
    const backAt = this.#clock.monotonic()
    this.#recovery = this.#clock.setTimeout(() => {
      const seconds = Math.round(backAt - (this.#since ?? backAt)) / 1000
      this.#since = undefined
      this.#lasting.clear()
      this.#logger?.info({ seconds }, `${this.#dependency} is available again`)
    }, calm)
    this.#recovery.unref()
  }

  /** Stops logging: the dependency is no longer needed. */
  end(): void {
    this.#recovery?.cancel()
    this.#logger = undefined
  }
}

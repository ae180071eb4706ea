import type { Clock, Timer } from '@rabble/clock'
import type { Logger } from './event-log.ts'

/** A failure that does not pass while everybody just tries again. Its message says what somebody has to do. */
export class LastingFailure extends Error {
  override readonly name = 'LastingFailure'
}

/** Milliseconds without a failure after which a dependency is taken to be back: brokers come up in several steps. */
const calm = 2000

/**
 * Logs once when a dependency goes and once when it is back, however many parts notice and however often each retries:
 * an outage of a minute is two lines, not thousands. Each `LastingFailure` in between is one more.
 */
export class Outage {
  readonly #dependency: string
  readonly #clock: Clock
  #logger: Logger | undefined
  /** What is down, and why. */
  readonly #down = new Map<string, { reason: string; isLasting: boolean }>()
  /** When the outage began that was logged and has not ended yet. */
  #since: number | undefined
  #recovery: Timer | undefined
  /** The lasting failures of this outage that were logged. */
  readonly #lasting = new Set<string>()

  constructor(dependency: string, clock: Clock, logger: Logger | undefined) {
    this.#dependency = dependency
    this.#clock = clock
    this.#logger = logger
  }

  /** Why a part is down, or undefined if it is not. */
  reason(part: string): string | undefined {
    return this.#down.get(part)?.reason
  }

  /** Returns why a part is down that does not recover without help, or undefined. */
  get lasting(): string | undefined {
    return [...this.#down.values()].find(({ isLasting }) => isLasting)?.reason
  }

  down(part: string, error: unknown): void {
    // The message alone: errors of drivers hold connection options, and those a password.
    const reason = error instanceof Error ? error.message : String(error)
    const isLasting = error instanceof LastingFailure
    this.#down.set(part, { reason, isLasting })
    this.#recovery?.cancel()
    const isKnown = this.#since !== undefined
    this.#since ??= this.#clock.monotonic()
    if (isLasting) {
      if (this.#lasting.has(reason)) return
      this.#lasting.add(reason)
      this.#logger?.error({ part, reason }, `${this.#dependency} does not come back by itself, retrying`)
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

  /** Nobody needs the dependency any more. */
  end(): void {
    this.#recovery?.cancel()
    this.#logger = undefined
  }
}

import type { Timer } from '@rabble/clock'
import type { ChatClock } from './clock.ts'
import type { Credentials } from './credentials.ts'
import type { SocketSession } from './socket-session.ts'

/** The chat, as the renewal uses it. */
export interface RenewalHost {
  readonly clock: ChatClock
  readonly credentials: Credentials
}

/** Longest delay (ms) of timers. Longer ones fire at once. */
const longest = 2 ** 31 - 1

/** Renews the token of a session, again and again until it is cancelled. */
export class Renewal {
  readonly #host: RenewalHost
  readonly #session: Pick<SocketSession, 'request'>
  #timer: Timer | undefined
  #isOver = false

  /** @param endsAt end of the token by the clock's `monotonic` */
  constructor(host: RenewalHost, session: Pick<SocketSession, 'request'>, endsAt: number) {
    this.#host = host
    this.#session = session
    this.#expect(endsAt - host.clock.monotonic())
  }

  cancel(): void {
    this.#isOver = true
    this.#timer?.cancel()
  }

  /**
   * Schedules the renewal at about half of the token's lifetime. The time is random, so that clients that connected together don't
   * renew together.
   */
  #expect(expiresIn = 0): void {
    if (this.#isOver || expiresIn <= 0) return
    const { clock } = this.#host
    const endsAt = clock.monotonic() + expiresIn
    const wait = Math.min(longest, Math.max(1_000, expiresIn * (0.4 + Math.random() * 0.2)))
    this.#timer = clock.setTimeout(() => void this.#renew(endsAt), wait)
  }

  async #renew(endsAt: number): Promise<void> {
    const { clock, credentials } = this.#host
    try {
      const token = await credentials.fresh()
      if (token === undefined) return
      const reply = await this.#session.request({ type: 'refresh', token })
      credentials.refreshed(reply.token ?? token)
      this.#expect(reply.expiresIn)
    } catch {
      // Retries after half of the remaining time. If the token expires before, the next connection needs another one.
      this.#expect(endsAt - clock.monotonic())
    }
  }
}

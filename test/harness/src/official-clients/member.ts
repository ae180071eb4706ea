import { setTimeout as sleep } from 'node:timers/promises'
import type { MessageEvent } from '@rabble/contract'

/** A client of an official library in the lobby, which comes back after each loss and resumes as its page of the protocol says. */
export interface Member {
  /** Resolves with the id once the message is acknowledged. It is sent again, with the same cid, after each loss. */
  say(text: string): Promise<string>
  /** Number of lost connections that were replaced. */
  readonly comebacks: number
}

export interface MemberOptions {
  /** `http://` address of Nginx or of a gateway. */
  url: string
  lobby: string
  /** Token of the user. Default: a guest of this name. */
  token?: string
  name: string
  /** Called for each message of the lobby, in the order of arrival. Repeats are handed over too, so that a checker sees them. */
  hear(message: MessageEvent): void
}

/** Delay (ms) before an attempt to connect, and before another attempt of what was refused for now. */
export const retryDelay = 200

/**
 * Calls `attempt` until it resolves with something. An error is a refusal for now.
 * @throws Error once `isOver`
 */
export async function persist<T>(attempt: () => Promise<T | undefined>, isOver: () => boolean): Promise<T> {
  for (;;) {
    if (isOver()) throw new Error('this is over')
    const result = await attempt().catch(() => undefined)
    if (result !== undefined) return result
    await sleep(retryDelay)
  }
}

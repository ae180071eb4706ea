import type { Ref } from '@rabble/contract'
import type { Reply } from '../../sessions/connection.ts'

/** Takes the reply to a frame. Returns what its client gets in place of it, if anything. */
export type Answer = (reply: Reply) => Buffer | undefined

/** The frames of all clients that wait for their reply. The number of each is its `ref`. */
export interface Calls {
  /** Returns the number of a new call. */
  add(answer: Answer): number
  forget(call: number): void
  answer(reply: Reply): Buffer
}

export function createCalls(): Calls {
  const waiting = new Map<Ref, Answer>()
  let last = 0
  return {
    add(answer) {
      waiting.set(++last, answer)
      return last
    },
    forget(call) {
      waiting.delete(call)
    },
    answer(reply) {
      const answer = waiting.get(reply.ref ?? '')
      waiting.delete(reply.ref ?? '')
      return answer?.(reply) ?? Buffer.alloc(0)
    },
  }
}

/** Those of one client. */
export class ClientCalls {
  readonly #calls: Calls
  readonly #waiting = new Set<number>()
  #work: (() => void) | undefined

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /** Returns the `ref` of a frame that will have a reply. */
  expect(answer: Answer): number {
    const ref = this.#calls.add((reply) => {
      this.#waiting.delete(ref)
      const bytes = answer(reply)
      if (this.#waiting.size === 0 && this.#work !== undefined) {
        // The reply itself must go out first.
        queueMicrotask(this.#work)
        this.#work = undefined
      }
      return bytes
    })
    this.#waiting.add(ref)
    return ref
  }

  /** Does something once, when no reply is missing. */
  whenAnswered(work: () => void): void {
    if (this.#waiting.size === 0) work()
    else this.#work = work
  }

  /** Forgets all calls. */
  end(): void {
    this.#work = undefined
    for (const call of this.#waiting) this.#calls.forget(call)
    this.#waiting.clear()
  }
}

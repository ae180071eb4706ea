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

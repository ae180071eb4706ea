import { type Signal, useSignal } from '@preact/signals'
import type { Chat } from '@rabble/client'
import { chat, problemOf } from './session.ts'

/** State of actions that the server carries out: whether one is under way, and why the last one failed, for people. */
export interface Attempt {
  busy: Signal<boolean>
  problem: Signal<string>
  /** Carries out an action, one at a time. Resolves with whether it succeeded. */
  run(action: (chat: Chat) => Promise<unknown>): Promise<boolean>
}

export function useAttempt(): Attempt {
  const busy = useSignal(false)
  const problem = useSignal('')
  return {
    busy,
    problem,
    async run(action) {
      const own = chat.peek()
      if (own === undefined || busy.peek()) return false
      busy.value = true
      problem.value = ''
      try {
        await action(own)
        return true
      } catch (error) {
        problem.value = problemOf(error)
        return false
      } finally {
        busy.value = false
      }
    },
  }
}

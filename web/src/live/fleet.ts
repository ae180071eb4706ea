import { signal } from '@preact/signals'
import type { Chat } from '@rabble/client'
import { chat } from '../state/session.ts'

type Gateways = Awaited<ReturnType<Chat['gateways']>>
export type Gateway = Gateways['gateways'][number]

/** How often (ms) the gateways are asked for; each says how it is every two seconds. */
const every = 2_000
/** Answers of which a course is drawn: two minutes. */
export const remembered = 60

/** What was answered last; undefined before the first answer. */
export const fleet = signal<Gateways | undefined>(undefined)
/** Whether the last question had no answer: what is shown is old. */
export const stale = signal(false)
/** Deliveries per second of each gateway, newest last. */
export const courses = signal<ReadonlyMap<string, readonly number[]>>(new Map())

/** Asks as long as it isn't stopped, one question after the other. */
export function watchFleet(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false
  const look = async () => {
    try {
      // Nobody looks at a hidden page.
      if (!document.hidden) {
        const answer = await chat.peek()?.gateways()
        if (answer !== undefined && !stopped) take(answer)
      }
    } catch {
      stale.value = true
    }
    if (!stopped) timer = setTimeout(() => void look(), every)
  }
  void look()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

function take(answer: Gateways): void {
  fleet.value = answer
  stale.value = false
  const next = new Map<string, readonly number[]>()
  for (const { gateway, deliveriesPerSecond, state } of answer.gateways) {
    const before = courses.value.get(gateway) ?? []
    next.set(gateway, [...before.slice(1 - remembered), isThere(state) ? deliveriesPerSecond : 0])
  }
  courses.value = next
}

export function isThere(state: Gateway['state']): boolean {
  return state !== 'gone' && state !== 'stopped'
}

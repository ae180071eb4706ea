import { signal } from '@preact/signals'
import type { Chat } from '@rabble/client'
import { chat } from '../state/session.ts'

type Gateways = Awaited<ReturnType<Chat['gateways']>>
export type Gateway = Gateways['gateways'][number]

/** Interval (ms) of the requests. Each gateway reports its state every two seconds. */
const every = 2_000
/** Number of responses in a line: two minutes. */
export const remembered = 60

/** Last response; undefined before the first one. */
export const gatewayList = signal<Gateways | undefined>(undefined)
/** Whether the last request failed, so that the page shows old data. */
export const stale = signal(false)
/** Deliveries per second of each gateway, the newest last. */
export const courses = signal<ReadonlyMap<string, readonly number[]>>(new Map())

/** Requests the gateways repeatedly, one request at a time. Returns a function that stops it. */
export function watchGateways(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false
  const look = async () => {
    try {
      // A hidden page needs no update.
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
  gatewayList.value = answer
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

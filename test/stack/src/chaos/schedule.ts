import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom, until } from '@rabble/harness'
import type { Fault } from './faults.ts'

/** A fault that happened. Times are in milliseconds since the begin of the schedule. */
export interface Happened {
  kind: string
  target: string
  from: number
  to: number
}

/** Time (ms) for which a fault, or its end, is tried again. */
const longestAttempts = 60_000

export interface ScheduleOptions {
  /** The same seed gives the same faults in the same order in each lane. When each begins also depends on the machine. */
  seed: number
  milliseconds: number
  /** Maximum number of faults. */
  count: number
  /** Faults at a time, at most. */
  lanes: number
  /** Range (ms) of the time for which a fault lasts, and of that between two faults of a lane. */
  lasts: readonly [number, number]
  pauses: readonly [number, number]
  signal: AbortSignal
  tell(fault: Happened): void
}

/**
 * Lets faults happen at random until the time is over, and resolves when all of them have ended.
 * @throws Error if a fault could not be begun or ended: then the system is not as it was
 */
export async function runSchedule(
  faults: readonly Fault[],
  options: ScheduleOptions,
): Promise<readonly Happened[]> {
  const { seed, milliseconds, count, lanes, lasts, pauses, signal, tell } = options
  const began = performance.now()
  const now = () => Math.round(performance.now() - began)
  const targets = [...new Set(faults.map(({ target }) => target))]
  /** Target → end of its last fault. */
  const busy = new Map<string, Promise<void>>()
  const happened: Happened[] = []
  let begun = 0

  async function lane(random: () => number): Promise<void> {
    const between = ([least, most]: readonly [number, number]) => least + random() * (most - least)
    const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item
    for (;;) {
      const pause = between(pauses)
      // The target first, so that a process with few kinds of faults has as many as others.
      const target = pick(targets)
      const fault = pick(faults.filter((fault) => fault.target === target))
      const duration = between(lasts)
      await sleep(pause)
      const before = busy.get(target) ?? Promise.resolve()
      let end = () => {}
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      busy.set(
        target,
        before.then(() => ended),
      )
      try {
        await before
        if (now() >= milliseconds || begun >= count || signal.aborted) return
        begun++
        await happen(fault, duration)
      } finally {
        end()
      }
    }
  }

  async function happen({ kind, target, begin }: Fault, duration: number): Promise<void> {
    const what = `${kind}, ${target}`
    const from = now()
    const end = await insist(begin, what)
    await sleep(Math.min(duration, Math.max(0, milliseconds - now())))
    await insist(async () => end(), `the end of ${what}`)
    const done = { kind, target, from, to: now() }
    happened.push(done)
    tell(done)
  }

  await Promise.all(Array.from({ length: lanes }, (_, n) => lane(createRandom(seed * 10 + n))))
  return happened
}

/** Tries again what the machine is too busy for. */
async function insist<Result>(work: () => Promise<Result>, what: string): Promise<Result> {
  let result: { value: Result } | undefined
  await until(
    async () => {
      result = { value: await work() }
      return true
    },
    longestAttempts,
    what,
  )
  return (result as { value: Result }).value
}

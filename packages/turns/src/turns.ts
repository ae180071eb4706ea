import { type Clock, systemClock } from '@rabble/clock'

/** Limits of concurrent work. */
export interface TurnLimits {
  /** Maximum number of jobs that run. */
  active: number
  /** Maximum number of jobs that wait. Default: no limit. */
  waiting?: number
  /**
   * Limits of each name. Default: the same as for all. After its work a name has to rest, `rest` times as long as the work took,
   * but at most one second; default: 0. So it uses only that part of the time, which matters if the work blocks the process.
   */
  each?: { active: number; waiting?: number; rest?: number }
}

/** Maximum rest (ms). */
const longestRest = 1_000

/** Refusal of a job for which there is no place, not even to wait. */
export class NoPlaceError extends Error {
  override readonly name = 'NoPlaceError'
  /** Whether the caller's own share is used up, whatever others have. */
  readonly own: boolean

  constructor(own: boolean) {
    super(own ? 'the share of this caller is used up' : 'all places are taken')
    this.own = own
  }
}

/** Limited number of places, shared fairly: a busy caller waits for its own jobs, and delays others as little as possible. */
export interface Turns {
  /**
   * Runs `work` once there is a place, which it keeps until it has ended. `names` identify the caller, such as an address and a
   * user: each name has its share, and callers with the same first name share one queue. The queues are served in turn.
   * @throws NoPlaceError; the reason of `signal`, if it aborts before the work has begun
   */
  run<Result>(names: readonly string[], work: () => Promise<Result>, signal?: AbortSignal): Promise<Result>
}

interface Waiter {
  names: readonly string[]
  begin(): void
}

export function createTurns(limits: TurnLimits, clock: Clock = systemClock): Turns {
  const { active, waiting: maxWaiting = Number.POSITIVE_INFINITY, each } = limits
  const activeOfOne = each?.active ?? active
  const waitingOfOne = each?.waiting ?? maxWaiting
  const restOfOne = each?.rest ?? 0
  let running = 0
  let waiting = 0
  /** Number of jobs of each name that run or rest, and that wait. */
  const busy = createCount()
  const queued = createCount()
  /** Waiting jobs by their first names, in the order of their turns. */
  const queues = new Map<string, Waiter[]>()

  function mayBegin(names: readonly string[]): boolean {
    return running < active && names.every((name) => busy.of(name) < activeOfOne)
  }

  function begin(names: readonly string[]): void {
    running++
    busy.add(names, 1)
  }

  function wait(names: readonly string[], change: 1 | -1): void {
    waiting += change
    queued.add(names, change)
  }

  /** Frees the places of the names, so that a waiting job may begin. */
  function release(names: readonly string[]): void {
    busy.add(names, -1)
    serveAll()
  }

  function serveAll(): void {
    while (running < active && serve()) {
      // Ends when no waiting job may begin.
    }
  }

  function takePlace(names: readonly string[], signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted()
    if (mayBegin(names)) {
      begin(names)
      return undefined
    }
    if (names.some((name) => queued.of(name) >= waitingOfOne)) throw new NoPlaceError(true)
    if (waiting >= maxWaiting) throw new NoPlaceError(false)
    const first = names[0] ?? ''
    return new Promise((resolve, reject) => {
      const abandon = () => {
        const queue = queues.get(first)?.filter((other) => other !== waiter) ?? []
        if (queue.length === 0) queues.delete(first)
        else queues.set(first, queue)
        wait(names, -1)
        reject(signal?.reason)
      }
      const waiter: Waiter = {
        names,
        begin() {
          signal?.removeEventListener('abort', abandon)
          wait(names, -1)
          begin(names)
          resolve()
        },
      }
      wait(names, 1)
      const queue = queues.get(first)
      if (queue === undefined) queues.set(first, [waiter])
      else queue.push(waiter)
      signal?.addEventListener('abort', abandon)
    })
  }

  /** Gives one free place to the first job that may have it. Returns false if there is none. */
  function serve(): boolean {
    for (const [first, queue] of queues) {
      const index = queue.findIndex(({ names }) => mayBegin(names))
      if (index === -1) continue
      const [waiter] = queue.splice(index, 1)
      // Moves the queue behind all others: a Map keeps its order of insertion.
      queues.delete(first)
      if (queue.length > 0) queues.set(first, queue)
      waiter?.begin()
      return true
    }
    return false
  }

  return {
    async run(names, work, signal) {
      const place = takePlace(names, signal)
      if (place !== undefined) await place
      const began = clock.monotonic()
      try {
        return await work()
      } finally {
        running--
        const rest = Math.min(longestRest, restOfOne * (clock.monotonic() - began))
        if (rest > 0) clock.setTimeout(() => release(names), rest).unref()
        else busy.add(names, -1)
        serveAll()
      }
    },
  }
}

/** Creates a counter of names. */
function createCount() {
  const counts = new Map<string, number>()
  return {
    of: (name: string) => counts.get(name) ?? 0,
    add(names: readonly string[], change: 1 | -1) {
      for (const name of names) {
        const count = (counts.get(name) ?? 0) + change
        if (count === 0) counts.delete(name)
        else counts.set(name, count)
      }
    },
  }
}

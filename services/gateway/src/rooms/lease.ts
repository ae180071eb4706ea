import type { Clock } from '@rabble/clock'
import { backoffDelay } from '@rabble/clock/retry'
import type { Renewal, RoomsClient } from '@rabble/rooms/client'
import type { Logger } from '@rabble/service'
import type { Metrics } from '../metrics.ts'

/** Time (ms) between two renewals, ±20%, so that gateways that started together drift apart. */
const interval = 5_000
/** Pauses (ms) after failures. The first ones are short, since another replica may answer at once. */
const backoff = { first: 100, longest: 1_000 }

/** This gateway's lease at the rooms service, to which its seats and names belong. It also tells whether the service answers. */
export interface Lease {
  /** Takes out the lease and renews it. */
  start(): void
  /** Whether there is a lease, as far as is known, and the service answered the last call. */
  readonly held: boolean
  /** Whether the service has failed repeatedly. */
  readonly down: boolean
  /**
   * Makes a call that belongs to the lease. Resolves to undefined if the lease had ended, with all that belonged to it.
   * @throws Error if the call failed; the service may have executed it
   */
  use<T>(name: string, call: () => Promise<T | undefined>): Promise<T | undefined>
  /** Stops renewing, and ends the lease if the service answers. */
  close(): Promise<void>
}

export interface LeaseObserver {
  /** Called when there is a new lease, to which nothing belongs yet. */
  fresh(): void
  /** Called when the service answers (again): calls may be made. */
  held(): void
  /** Called when the service is down. */
  down(): void
  renewed(renewal: Renewal): void
}

export function keepLease(options: {
  rooms: Pick<RoomsClient, 'renew' | 'end'>
  gateway: string
  observer: LeaseObserver
  clock: Clock
  metrics: Metrics
  logger: Logger
}): Lease {
  const { rooms, gateway, observer, clock, metrics, logger } = options
  const stop = new AbortController()
  const underWay = new Set<Promise<unknown>>()
  /** Aborts the pause before the next renewal. */
  let alarm = new AbortController()
  let state: 'held' | 'doubtful' | 'down' = 'doubtful'
  let fresh = true
  /** Failures in a row. After a failed call, a renewal alone proves nothing: a call must succeed. */
  let failures = 0
  let callsFail = false
  let told = false

  function well(): void {
    failures = 0
    callsFail = false
    if (told) logger.info({}, 'the rooms service answers again')
    told = false
    metrics.roomsUp.set(1)
  }

  function held(): void {
    if (!callsFail) well()
    if (state === 'held') return
    state = 'held'
    observer.held()
  }

  /** Counts a failure. A single one may be a broken connection, so waiting calls are kept for the next attempt. */
  function failed(error: unknown): void {
    failures++
    alarm.abort()
    if (state === 'held') state = 'doubtful'
    else if (failures > 1) down(error)
  }

  function down(error: unknown): void {
    if (!told) {
      logger.warn({ err: error }, 'the rooms service does not answer; only rooms for everybody can be joined')
    }
    told = true
    metrics.roomsUp.set(0)
    if (state === 'down') return
    state = 'down'
    observer.down()
  }

  function lost(): void {
    if (fresh) return
    fresh = true
    metrics.leasesLost.inc()
    logger.warn({}, 'the lease at the rooms service had ended; taking all seats again')
    if (state === 'held') state = 'doubtful'
    alarm.abort()
  }

  async function count<T>(name: string, call: () => Promise<T>): Promise<T> {
    try {
      const result = await call()
      metrics.roomsRequests.inc({ call: name, result: 'ok' })
      return result
    } catch (error) {
      metrics.roomsRequests.inc({ call: name, result: 'failed' })
      throw error
    }
  }

  async function renew(): Promise<void> {
    // Answers to calls under the old lease must not be mistaken for seats and names of the new one.
    if (fresh) await Promise.allSettled(underWay)
    try {
      const wasFresh = fresh
      const renewal = await count('renew', () => rooms.renew(gateway, { fresh: wasFresh }))
      if (stop.signal.aborted) return
      // Another call may have shown meanwhile that the lease had ended.
      if (renewal === undefined || (!wasFresh && fresh)) return lost()
      fresh = false
      if (wasFresh) observer.fresh()
      held()
      observer.renewed(renewal)
    } catch (error) {
      if (stop.signal.aborted) return
      callsFail = false
      failed(error)
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      alarm = new AbortController()
      await renew()
      const wake = AbortSignal.any([stop.signal, alarm.signal])
      if (state === 'held') {
        await clock.sleep(interval * (0.8 + 0.4 * Math.random()), { signal: wake })
      }
      if (state !== 'held') await clock.sleep(backoffDelay(backoff, failures), { signal: stop.signal })
    }
  }

  return {
    start() {
      void run()
    },
    get held() {
      return state === 'held'
    },
    get down() {
      return state === 'down'
    },
    async use(name, call) {
      const work = count(name, call)
      underWay.add(work)
      try {
        const result = await work
        if (result === undefined) lost()
        else if (state === 'held') well()
        return result
      } catch (error) {
        if (stop.signal.aborted) throw error
        callsFail = true
        failed(error)
        throw error
      } finally {
        underWay.delete(work)
      }
    },
    async close() {
      stop.abort()
      // If this fails, the lease expires.
      await rooms.end(gateway).catch(() => {})
    },
  }
}

import type { Clock } from '@rabble/clock'
import { backoffDelay } from '@rabble/clock/retry'
import type { Renewal, RoomsClient } from '@rabble/rooms/client'
import type { Logger } from '@rabble/service'
import type { Metrics } from '../metrics.ts'

/** How often (ms) the lease is renewed, give or take a fifth, so that gateways that started together drift apart. */
const interval = 5_000
/** Pauses (ms) after failures. The first ones are short, since another replica may answer at once. */
const backoff = { first: 100, longest: 1_000 }

/**
 * This gateway's lease at the rooms service, to which its seats and names belong, and with it what is known of that
 * service: whether it answers.
 */
export interface Lease {
  /** Takes the lease out and keeps it. */
  start(): void
  /** Whether there is a lease, as far as is known, and the service answered the last call. */
  readonly held: boolean
  /** Whether the service has failed again and again. */
  readonly down: boolean
  /**
   * Makes a call that belongs to the lease. Undefined: the lease had ended, and so has what belonged to it.
   * @throws Error if the call failed: then nobody knows whether it was done
   */
  use<T>(name: string, call: () => Promise<T | undefined>): Promise<T | undefined>
  /** Stops renewing, and gives the lease back if that can be done. */
  close(): Promise<void>
}

export interface LeaseObserver {
  /** There is a new lease to which nothing belongs yet. */
  fresh(): void
  /** The service answers (again): calls may be made. */
  held(): void
  /** The service is down. */
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
  /** Wakes the renewal that waits for its time. */
  let alarm = new AbortController()
  let state: 'held' | 'doubtful' | 'down' = 'doubtful'
  let fresh = true
  /** Failures in a row; the calls have to succeed themselves where renewing alone is no proof. */
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

  /** One failure is a connection that broke: what waits for an answer can wait for the next attempt as well. */
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
    // What was asked for under the old lease must not be mistaken for something that belongs to the new one.
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
      // Otherwise it ends by itself.
      await rooms.end(gateway).catch(() => {})
    },
  }
}

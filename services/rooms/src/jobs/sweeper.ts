import { retried } from '@rabble/database'
import type { RoutesOptions } from '../options.ts'
import { forgetEmpty } from '../presence/presence.ts'
import { defaultLeaseTimes, sweepLease } from '../seats/leases.ts'

/** Maximum number of empty rooms whose counts are deleted in one transaction. */
const forgottenAtOnce = 1000
/** Time (ms) between two counts of leases, seats and users. */
const countPause = 10_000

/**
 * Ends leases that are not renewed: removes their seats and reports the users who left. Every replica does this. Only one
 * replica at a time handles an ended lease.
 */
export function startSweeper(options: RoutesOptions): { close(): Promise<void> } {
  const { clock, database, metrics, logger, health, notify } = options
  const times = { ...defaultLeaseTimes, ...options.leaseTimes }
  const stop = new AbortController()
  let failing = false
  let graceUntil = clock.monotonic() + times.grace
  let nextCount = 0

  async function sweep(): Promise<void> {
    let leases = 0
    let seats = 0
    while (!stop.signal.aborted) {
      const expired = clock.monotonic() >= graceUntil
      const swept = await retried(clock, stop.signal, () =>
        database.transaction((query) => sweepLease(query, { expired })),
      )
      if (swept === undefined) break
      notify(swept.changes)
      metrics.sweptSeats.inc(swept.seats)
      seats += swept.seats
      if (!swept.done) continue
      metrics.sweptLeases.inc()
      leases++
    }
    if (leases > 0) logger.info({ leases, seats }, 'leases have ended')
  }

  async function count(): Promise<void> {
    if (clock.monotonic() < nextCount) return
    nextCount = clock.monotonic() + countPause
    await database.transaction((query) => forgetEmpty(query, forgottenAtOnce))
    const [row] = await database.query<{ leases: number; seats: number; users: number }>(
      `select (select count(*) from rooms.leases where isfinite(expires_at)) as leases,
         (select count(*) from rooms.seats) as seats,
         (select coalesce(sum(users), 0)::bigint from rooms.presence) as users`,
      [],
    )
    metrics.leases.set(row?.leases ?? 0)
    metrics.seats.set(row?.seats ?? 0)
    metrics.users.set(row?.users ?? 0)
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await sweep()
        await count()
        health.ended('ending leases')
        if (failing) logger.info({}, 'ending leases works again')
        failing = false
      } catch (error) {
        metrics.databaseErrors.inc({ work: 'sweep' })
        health.ended('ending leases', error)
        // Gateways could not renew their leases either: live gateways get time to do so.
        graceUntil = clock.monotonic() + times.grace
        if (!failing && !stop.signal.aborted) logger.error({ err: error }, 'ending leases failed, retrying')
        failing = true
      }
      // Replicas should not all sweep at the same moment.
      await clock.sleep(times.sweep * (0.75 + Math.random() / 2), { signal: stop.signal })
    }
  }

  const running = run()
  return {
    async close() {
      stop.abort()
      await running
    },
  }
}
